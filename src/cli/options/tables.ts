import { drainTable, statusTable, workerTable } from './cluster-tables.js';
import { demoTable, previewTable } from './dataset-tables.js';
import { doctorTable } from './doctor-table.js';
import { exportTable, importTable } from './exchange-tables.js';
import { inferTable } from './infer-table.js';
import { coordinatorTable, trainTable } from './run-tables.js';

export { commonRows } from './common-rows.js';
export {
  coordinatorTable,
  demoTable,
  doctorTable,
  drainTable,
  exportTable,
  importTable,
  inferTable,
  previewTable,
  statusTable,
  trainTable,
  workerTable,
};

/** The options of every command. */
export const allTables = [
  trainTable,
  coordinatorTable,
  workerTable,
  inferTable,
  exportTable,
  importTable,
  demoTable,
  previewTable,
  doctorTable,
  statusTable,
  drainTable,
] as const;

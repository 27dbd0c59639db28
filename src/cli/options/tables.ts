import { drainTable, statusTable, workerTable } from './cluster-tables.js';
import { demoTable, previewTable } from './dataset-tables.js';
import { doctorTable } from './doctor-table.js';
import { inferTable } from './infer-table.js';
import { coordinatorTable, trainTable } from './run-tables.js';

export { commonRows } from './common-rows.js';
export {
  coordinatorTable,
  demoTable,
  doctorTable,
  drainTable,
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
  demoTable,
  previewTable,
  doctorTable,
  statusTable,
  drainTable,
] as const;

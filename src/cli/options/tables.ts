import { drainTable, reducerTable, statusTable, workerTable } from './cluster-tables.js';
import { demoTable, previewTable } from './dataset-tables.js';
import { doctorTable } from './doctor-table.js';
import { calibrateTable, exportTable, importTable } from './exchange-tables.js';
import { classifierRows, inferTable } from './infer-table.js';
import { coordinatorTable, trainTable } from './run-tables.js';
import { serveTable } from './serve-table.js';

export { commonRows } from './common-rows.js';
export {
  calibrateTable,
  classifierRows,
  coordinatorTable,
  demoTable,
  doctorTable,
  drainTable,
  exportTable,
  importTable,
  inferTable,
  previewTable,
  reducerTable,
  serveTable,
  statusTable,
  trainTable,
  workerTable,
};

/** The options of every command. */
export const allTables = [
  trainTable,
  coordinatorTable,
  workerTable,
  reducerTable,
  inferTable,
  serveTable,
  calibrateTable,
  exportTable,
  importTable,
  demoTable,
  previewTable,
  doctorTable,
  statusTable,
  drainTable,
] as const;

/** The series of the run that the dashboard's variable names. */
const ofRun = '{run="$run"}';

/** Those of the run's workers that are chosen on the dashboard. */
export const ofWorkers = '{run="$run",worker=~"$worker"}';

/** How much a counter has grown in each interval of the panel. `of`: whose series. */
export const increase = (counter: string, of = ofRun): string =>
  `increase(${counter}${of}[$__rate_interval])`;

/** How fast a counter grows, per second. `of`: whose series. */
export const rate = (counter: string, of = ofRun): string => `rate(${counter}${of}[$__rate_interval])`;

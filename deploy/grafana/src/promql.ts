/** The series of the run that the dashboard's variable names. */
const ofRun = '{run="$run"}';

/** Those of the run's workers that are chosen on the dashboard. */
export const ofWorkers = '{run="$run",worker=~"$worker"}';

/** How much a counter has grown in each interval of the panel. `of`: whose series. */
export const increase = (counter: string, of = ofRun): string =>
  `increase(${counter}${of}[$__rate_interval])`;

/** How fast a counter grows, per second. `of`: whose series. */
export const rate = (counter: string, of = ofRun): string => `rate(${counter}${of}[$__rate_interval])`;

/**
 * Not zero at a time at which a counter has just grown. A counter that is not zero when it is first scraped has grown,
 * too, which `changes` does not see.
 */
export const justGrown = (counter: string, of = ofRun): string =>
  `changes(${counter}${of}[$__rate_interval]) > 0 or (${counter}${of} > 0 unless ${counter}${of} offset $__rate_interval)`;

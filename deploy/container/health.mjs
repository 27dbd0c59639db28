// The container's health check: asks the process for /healthz on its metrics port.
//   ONKO_METRICS_PORT (of a coordinator) or ONKO_WORKER_METRICS_PORT set: something must answer there, and be well.
//   neither set: port 9464 is asked, and nobody there is fine; it is a command without a metrics page, like cnn-infer.
const given = process.env.ONKO_METRICS_PORT || process.env.ONKO_WORKER_METRICS_PORT || '';
const url = `http://127.0.0.1:${given === '' ? 9464 : given}/healthz`;
try {
  const response = await fetch(url, { signal: AbortSignal.timeout(4000) });
  const says = (await response.text()).trim();
  console.log(says);
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  const refused = error instanceof Error && error.cause?.code === 'ECONNREFUSED';
  const fine = refused && given === '';
  console.log(
    fine
      ? `nobody at ${url}, and nobody has to be`
      : `${url} does not answer: ${error.cause?.code ?? error.name}`,
  );
  process.exitCode = fine ? 0 : 1;
}

/** The simulator imports `src/…` for its types and runs `dist/…`: what is simulated is what ships. */
export function resolve(specifier, context, next) {
  return next(specifier.replace(/^(?:\.\.\/)+src\//, new URL('../../dist/', import.meta.url).href), context);
}

// @ts-check
// Where the server is that this copy of the modules came from.

/** The address that everything of it is below, with a slash at the end: also behind a
 * reverse proxy that puts it below a path. Bundles lie as deep as this module. */
export const root = new URL('../..', import.meta.url);

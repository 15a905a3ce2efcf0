/** The one import of a module that is known at run time only; bundles leave it out (bin/launch.ts), for no script can do it. */
export const importModule = (url: string): Promise<unknown> => import(url);

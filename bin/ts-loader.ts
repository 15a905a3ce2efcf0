/** `node --import ts-loader.js bits.ts`: authors' TypeScript runs as it stands, and finds `binglide/worker` anywhere. */
import { register } from 'node:module';

register('./ts-hooks.js', import.meta.url);

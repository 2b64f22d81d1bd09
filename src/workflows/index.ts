export { app } from './app.ts';
export { deployment } from './deployment.ts';
export { repair } from './repair.ts';

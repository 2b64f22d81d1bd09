export { app } from './app.ts';
export { deployment } from './deployment.ts';
export { job } from './job.ts';
export { repair } from './repair.ts';

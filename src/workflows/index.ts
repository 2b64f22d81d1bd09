export { app } from './app.ts';
export { repair } from './repair.ts';

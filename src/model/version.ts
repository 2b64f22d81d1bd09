/** Of this labkeeper: the version of package.json, which a test compares. */
export const version = '0.1.0';

/** Ids that callers may choose: those of old clients are not all DNS labels. */
export const jobIdPattern = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;

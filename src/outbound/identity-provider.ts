/** Where people prove who they are. One adapter: `oidc/`. */
export interface IdentityProvider {
  /** Shown on the button. */
  title: string;
  /**
   * Begins a login: where to send the browser, and what to remember of it until it comes back.
   * Rejects when the provider does not answer.
   */
  begin(): Promise<{ url: string; attempt: LoginAttempt }>;
  /**
   * Ends a login: checks what the browser brought back against the attempt and the provider's keys.
   * Throws `forbidden` when it does not prove anything; any other error means that the provider did
   * not answer, and the person may try again.
   */
  finish(query: URLSearchParams, attempt: LoginAttempt): Promise<ProvenIdentity>;
}

/** Belongs into a signed cookie of the browser that began it, and nowhere else. */
export interface LoginAttempt {
  state: string;
  nonce: string;
  verifier: string;
}

export interface ProvenIdentity {
  issuer: string;
  /** The provider's own id of the person: never changes, unlike mail addresses. */
  subject: string;
  /** Lower case; null when the provider has not verified one. */
  email: string | null;
  name: string | null;
}

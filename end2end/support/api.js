// A client of the wire contract and of nothing else: what a tinkerer would write in an evening.

/** A new id. The contract wants UUIDs; version 4 is as good as any for a simple client. */
export const newId = () => crypto.randomUUID();

/** Nobody else's address, so that tests never meet in one account. */
export const newEmail = () => `${newId()}@example.org`;

/** Long, and in no list of common passwords. */
export const PASSWORD = 'three quiet owls at dusk';

export class Api {
  #base;
  #cookie = '';

  constructor(base) {
    this.#base = base;
  }

  /** Speaks as the person who is signed in on a device. */
  static async ofDevice(base, context) {
    const api = new Api(base);
    api.#cookie = (await context.cookies(base)).map(({ name, value }) => `${name}=${value}`).join('; ');
    return api;
  }

  async call(method, path, body) {
    const response = await fetch(new URL(path, this.#base), {
      method,
      headers: { cookie: this.#cookie, ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
    });
    const cookies = response.headers.getSetCookie();
    if (cookies.length > 0) this.#cookie = cookies.map((cookie) => cookie.split(';')[0]).join('; ');
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null };
  }

  async must(method, path, body) {
    const { status, body: answer } = await this.call(method, path, body);
    if (status !== 200) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  signUp(displayName, email = newEmail()) {
    return this.must('POST', '/api/auth/sign-up', { email, password: PASSWORD, displayName });
  }

  signIn(email, password = PASSWORD) {
    return this.must('POST', '/api/auth/sign-in', { email, password });
  }

  signOut() {
    return this.must('POST', '/api/auth/sign-out', {});
  }

  me() {
    return this.must('GET', '/api/auth/me');
  }

  async inviteCode(babyId, level = 'editor') {
    return (await this.must('POST', '/api/babies/invites/create', { babyId, level, kind: 'code' })).code;
  }

  accept(code) {
    return this.must('POST', '/api/babies/invites/accept', { code });
  }

  caregivers(babyId) {
    return this.must('GET', `/api/babies/caregivers/list?babyId=${babyId}`);
  }

  remove(babyId, userId) {
    return this.must('POST', '/api/babies/caregivers/remove', { babyId, userId });
  }

  /** Only what the contract requires: no clock, no base version, no sequence. */
  async push(babyId, ...mutations) {
    const { results } = await this.must('POST', '/api/sync/push', { babyId, clientId: newId(), mutations });
    return results;
  }

  /** Every change of a baby, page by page. */
  async changes(babyId) {
    const all = [];
    for (let since = 0, more = true; more;) {
      const page = await this.must('GET', `/api/sync/pull?babyId=${babyId}&since=${since}`);
      all.push(...page.changes);
      ({ nextCursor: since, hasMore: more } = page);
    }
    return all;
  }

  async createBaby(name, fields = {}) {
    const babyId = newId();
    await this.push(babyId, mutation('baby', 'create', { name, ...fields }, babyId));
    return babyId;
  }
}

export const mutation = (entityType, op, payload, entityId = newId()) => ({
  mutationId: newId(), entityType, entityId, op, ...(payload && { payload }),
});

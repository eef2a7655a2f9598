// What no screen may ever cause: an error in the console, an uncaught exception, a violation of the
// content security policy, a request to anybody but our own server. Watches a whole browser context,
// with all its pages and its service worker.

/** The browser writes these itself when a request fails; no script can prevent it. */
const REQUEST_FAILED = /^Failed to load resource: /;

/** The same about a stream of hints; it names the page instead of the address. */
const STREAM_REFUSED = /^EventSource's response has a /;

/** A stream that stays open: it moves no data and never ends. */
const HINTS = '/api/sync/hints';

/** Where mutations travel: alone, or together with a pull. */
export const PUSH = /\/api\/sync\/(push|v2)$/;

/** The mutations of a push in either form, and the name that they go by there. */
export function sent(body) {
  const name = body.changes ? 'changes' : 'mutations';
  return { name, mutations: body[name] };
}

export class Watch {
  problems = [];
  /** Requests to our API: `{ at, method, path, body }`, in order. */
  requests = [];
  /** Requests to our API that have no answer yet. */
  underWay = 0;
  /** How often hints were asked for. */
  streams = 0;
  #tolerated = [];

  constructor(context, origin) {
    context.on('console', (message) => {
      if (message.type() !== 'error') return;
      if (!this.#isTolerated(message)) this.problems.push(`console: ${message.text()} (${message.location().url})`);
    });
    context.on('weberror', (error) => this.problems.push(`exception: ${error.error().stack ?? error.error()}`));
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (['data:', 'blob:'].includes(url.protocol)) return;
      if (url.origin !== origin) this.problems.push(`foreign request: ${url}`);
      if (url.pathname.startsWith('/api/')) this.#note(request, url);
    });
    const ended = (request) => {
      const { pathname } = new URL(request.url());
      if (pathname.startsWith('/api/') && pathname !== HINTS) this.underWay -= 1;
    };
    context.on('requestfinished', ended);
    context.on('requestfailed', ended);
  }

  /** To be called before the first page is opened. */
  async arm(context) {
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile }) => {
        console.error(`CSP violation: ${violatedDirective} ${blockedURI} ${sourceFile}`);
      });
    });
  }

  /**
   * The browser's own line about a failed request to our server is no problem when the test makes requests
   * fail: `reason` is a part of the line, as `ERR_INTERNET_DISCONNECTED` or `status of 401`.
   */
  tolerate(reason) {
    this.#tolerated.push(reason);
  }

  #isTolerated(message) {
    if (STREAM_REFUSED.test(message.text())) return this.#tolerated.length > 0;
    const { pathname } = new URL(message.location().url || 'about:blank');
    // Of the app's own files these alone are not all kept on the device from the first visit on.
    const ours = pathname.startsWith('/api/') || pathname === '/healthz' || pathname.startsWith('/pkg/scan') || pathname.startsWith('/pkg/words-');
    return ours && REQUEST_FAILED.test(message.text()) && (pathname === HINTS ? this.#tolerated.length > 0 : this.#tolerated.some((reason) => message.text().includes(reason)));
  }

  #note(request, url) {
    if (url.pathname === HINTS) {
      this.streams += 1;
      return;
    }
    this.underWay += 1;
    const body = request.method() === 'POST' ? request.postDataJSON() : null;
    this.requests.push({ at: Date.now(), method: request.method(), path: url.pathname, query: url.search, body });
  }

  /** Requests that move data. */
  syncs() {
    return this.requests.filter(({ path }) => path.startsWith('/api/sync/'));
  }

  pushes() {
    return this.requests.filter(({ path }) => PUSH.test(path));
  }

  /** How often each mutation was sent, by its id. */
  sendings() {
    const times = new Map();
    for (const { mutationId } of this.pushes().flatMap(({ body }) => sent(body).mutations)) {
      times.set(mutationId, (times.get(mutationId) ?? 0) + 1);
    }
    return times;
  }
}

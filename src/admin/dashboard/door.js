// What the page asks of the admin door, and the token that this may take. The token stays in this page's memory.
const PATIENCE_MS = 10000;
let token = '';

export class DoorError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status; // of HTTP; 0: there was no answer
  }
}

export function setToken(value) { token = value; }

// The answer's JSON; throws a DoorError. Paths are relative, so that the page may stand below a path of a proxy.
export async function ask(method, path, body) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response;
  let answer;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    answer = await response.json();
  } catch (error) {
    throw new DoorError(response?.status ?? 0, error.name === 'TimeoutError' ? 'it took too long' : error.message);
  }
  if (!response.ok) throw new DoorError(response.status, answer.error ?? response.statusText);
  return answer;
}

export function changeBackend(pool, backend, change) {
  return ask('PATCH', `v1/pools/${encodeURIComponent(pool)}/backends/${encodeURIComponent(backend)}`, change);
}

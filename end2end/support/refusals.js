// A server that refuses. It is made up here, because our own app sends nothing that our server refuses.
import { PUSH, sent } from './watch.js';

const TASTE = { code: 'invalid_payload', field: 'notes', message: 'notes are not to my taste' };

/** Refuses the first entry that is pushed from now on, whenever it is sent; tells its mutation id. */
export async function refuseOne(context) {
  const refused = {};
  await context.route(PUSH, async (route) => {
    const body = route.request().postDataJSON();
    const { name, mutations } = sent(body);
    refused.mutationId ??= mutations[0].mutationId;
    const good = mutations.filter(({ mutationId }) => mutationId !== refused.mutationId);
    const response = await route.fetch({ postData: JSON.stringify({ ...body, [name]: good }) });
    const answer = await response.json();
    const results = mutations.map(({ mutationId }) => answer.results.find((one) => one.mutationId === mutationId) ?? {
      mutationId, status: 'rejected', version: null, serverData: null, error: TASTE,
    });
    return route.fulfill({ response, json: { ...answer, results } });
  });
  return refused;
}

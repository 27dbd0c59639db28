/** Virtual hosts of a broker that is not ours, through its management plugin. */
export interface ManagementApi {
  addVhost(name: string): Promise<void>;
  deleteVhost(name: string): Promise<void>;
}

/** `apiUrl` without user and password; those of the broker URL are used. */
export function createManagementApi(apiUrl: string, user: string, password: string): ManagementApi {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const call = async (method: string, path: string, body?: object): Promise<void> => {
    const response = await fetch(new URL(`/api/${path}`, apiUrl), {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      throw new Error(
        `Every test takes a virtual host of its own, so the broker of ONKO_TEST_BROKER_URL needs its management plugin; nothing answers at ${apiUrl}. Enable it (rabbitmq-plugins enable rabbitmq_management) or name its address in ONKO_TEST_BROKER_API.`,
        { cause: error },
      );
    });
    if (!response.ok)
      throw new Error(`${method} ${apiUrl}/api/${path}: ${response.status} ${await response.text()}`);
  };
  return {
    addVhost: async (name) => {
      await call('PUT', `vhosts/${encodeURIComponent(name)}`);
      const permissions = { configure: '.*', write: '.*', read: '.*' };
      await call('PUT', `permissions/${encodeURIComponent(name)}/${encodeURIComponent(user)}`, permissions);
    },
    deleteVhost: (name) => call('DELETE', `vhosts/${encodeURIComponent(name)}`),
  };
}

// A certified authorization server on a free port of 127.0.0.1; its first line of output is its URL. It ends when its standard
// input does, so that it never outlives the test that started it.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

// Nobody reads on after the first line.
console.info = console.error;

const RESOURCE = 'https://api.example.com';
// Its tokens say nothing themselves.
const OPAQUE_RESOURCE = 'https://opaque.example.com';
const SCOPES = 'echo';

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const url = `http://127.0.0.1:${server.address().port}`;
const accessTokenSeconds = Number(process.env.ACCESS_TOKEN_SECONDS ?? 3600);

const provider = new Provider(url, {
  clients: [
    {
      client_id: 'gateway',
      client_secret: 'secret with: +%/',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'signer',
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [JSON.parse(process.env.SIGNER_JWK)] },
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'mac',
      client_secret: 'a secret of 32 characters or more',
      token_endpoint_auth_method: 'client_secret_jwt',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'device',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      redirect_uris: [],
      response_types: [],
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => ({
        scope: SCOPES,
        audience: resource,
        accessTokenTTL: accessTokenSeconds,
        accessTokenFormat: resource === OPAQUE_RESOURCE ? 'opaque' : 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  // Each refresh token is good for one use; a second use ends the grant.
  rotateRefreshToken: true,
  issueRefreshToken: (_, client, code) =>
    client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});

// What the user does in a browser, without the browser: POST /allow?user_code=…&user=…
const callback = provider.callback();
server.on('request', async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, url);
  if (pathname !== '/allow') {
    callback(request, response);
    return;
  }
  try {
    const userCode = searchParams.get('user_code').replaceAll('-', '');
    const code = await provider.DeviceCode.findByUserCode(userCode, { ignoreExpiration: true });
    const accountId = searchParams.get('user');
    const grant = new provider.Grant({ accountId, clientId: code.clientId });
    grant.addOIDCScope('openid offline_access');
    grant.addResourceScope(RESOURCE, SCOPES);
    Object.assign(code, {
      accountId,
      grantId: await grant.save(),
      authTime: Math.floor(Date.now() / 1000),
      claims: {},
      resource: RESOURCE,
      scope: code.params.scope,
    });
    await code.save();
    response.end('allowed');
  } catch (error) {
    response.statusCode = 400;
    response.end(String(error));
  }
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
console.log(url);

// An OAuth server that nobody here wrote, at the addresses of Google's: npm's oidc-provider with
// one confidential client, PKCE, rotating refresh tokens, and a user who always agrees.
//
//   node oidc_provider.mjs PORT CLIENT_ID CLIENT_SECRET REDIRECT_URI SCOPE REFRESH_TOKEN_SECONDS
//
// The package comes from ./dev setup.
import http from 'node:http';
import querystring from 'node:querystring';

import Provider from '../../.cache/oidc-provider/node_modules/oidc-provider/lib/index.js';

const [port, clientId, clientSecret, redirectUri, scope, refreshSeconds] = process.argv.slice(2);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  scopes: [scope],
  routes: { authorization: '/o/oauth2/v2/auth', token: '/token', revocation: '/revoke' },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  pkce: { required: () => true, methods: ['S256'] },
  cookies: { keys: ['of a test'] },
  // Google's access_type=offline.
  issueRefreshToken: async () => true,
  rotateRefreshToken: true,
  ttl: {
    AccessToken: 5,
    AuthorizationCode: 60,
    Grant: 600,
    Interaction: 60,
    RefreshToken: Number(refreshSeconds),
    Session: 600,
  },
  findAccount: (ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  interactions: { url: (ctx, interaction) => `/agree/${interaction.uid}` },
});

// The user signs in, and then agrees.
async function agree(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    const login = { accountId: 'somebody' };
    return provider.interactionFinished(request, response, { login });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent });
}

async function readBody(request) {
  let body = '';
  for await (const part of request) body += part;
  return body;
}

// Google revokes for whoever has the token; this server wants to know the client.
provider.use(async (ctx, next) => {
  if (ctx.path === '/revoke') {
    const form = querystring.parse(await readBody(ctx.req));
    ctx.req.body = { ...form, client_id: clientId, client_secret: clientSecret };
  }
  await next();
});

const answer = provider.callback();
http.createServer((request, response) => {
  if (!request.url.startsWith('/agree/')) return answer(request, response);
  return agree(request, response).catch((error) => response.writeHead(500).end(error.message));
}).listen(Number(port), '127.0.0.1');

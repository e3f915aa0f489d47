// Listens in on fetch, and holds every answer against the OpenAPI documents that the SDK ships.
import { createRequire } from 'node:module'
import path from 'node:path'

const require = createRequire(import.meta.url)
const sdk = require.resolve('@interledger/open-payments')
const { createOpenAPI } = createRequire(sdk)('@interledger/openapi')
const document = (name) => createOpenAPI(path.join(path.dirname(sdk), 'openapi', 'specs', name + '.yaml'))

const answers = []
const original = globalThis.fetch
globalThis.fetch = async (input, init) => {
  const response = await original(input, init)
  const request = input instanceof Request ? input : new Request(input, init)
  answers.push({ method: request.method, url: request.url, status: response.status, text: await response.clone().text() })
  return response
}

/**
 * Says what is wrong with the answers so far, and how many there were of each operation and status.
 * wallets are wallet addresses as the sandbox answered them.
 */
export async function judge(wallets) {
  const documents = {
    wallet: await document('wallet-address-server'),
    auth: await document('auth-server'),
    resource: await document('resource-server')
  }
  const wrong = []
  const seen = {}
  for (const answer of answers) {
    const operation = operationOf(answer, wallets)
    if (!operation) continue // the consent page is for people, and in no document
    const name = `${answer.method} ${operation.document} ${operation.path} ${answer.status}`
    seen[name] = (seen[name] ?? 0) + 1
    const fault = faultOf(answer, documents[operation.document], operation.path)
    if (fault) wrong.push(`${name}: ${fault}: ${answer.text}`)
  }
  return { wrong, seen }
}

function faultOf(answer, openAPI, path) {
  let body
  if (answer.text !== '') {
    try {
      body = JSON.parse(answer.text)
    } catch {
      // Some of a real wallet's 404s and all of its 500s are plain text; nothing else is.
      return answer.status === 404 || answer.status === 500 ? undefined : 'it is not JSON'
    }
  }
  const method = answer.method.toLowerCase()
  const documented = openAPI.paths[path][method].responses[answer.status]
  // Where the document describes an error without a body, real servers send one all the same
  // (traces/02-h-unknown-wallet-address.json).
  if (documented?.content || (documented && answer.status < 400)) {
    try {
      openAPI.createResponseValidator({ path, method })({ status: answer.status, body })
    } catch (invalid) {
      return JSON.stringify(invalid.errors ?? invalid.message)
    }
  } else if (!documented && answer.status < 400) {
    return 'the document has no such status'
  }
  // Most of a resource server's errors are in no document; a real one gives them all this shape.
  if (answer.status >= 400 && typeof body?.error?.description !== 'string') {
    return 'an error is {"error":{"code","description"}}'
  }
}

// operationOf finds which operation of which document a request was.
function operationOf({ method, url }, wallets) {
  for (const wallet of wallets) {
    if (url === wallet.id) return { document: 'wallet', path: '/' }
    if (url === wallet.id + '/jwks.json') return { document: 'wallet', path: '/jwks.json' }
    if (method === 'POST' && url === wallet.authServer) return { document: 'auth', path: '/' }
    if (url.startsWith(wallet.resourceServer + '/')) {
      const path = url.slice(wallet.resourceServer.length).split('?')[0]
      return { document: 'resource', path: path.replace(/^(\/[a-z-]+)\/[^/]+/, '$1/{id}') }
    }
  }
  const path = new URL(url).pathname
  if (path.includes('/continue/')) return { document: 'auth', path: '/continue/{id}' }
  if (path.includes('/token/')) return { document: 'auth', path: '/token/{id}' }
}

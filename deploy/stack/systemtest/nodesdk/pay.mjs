// One whole payment, and the refusals around it, by the official SDK with response validation on.
// Prints what happened as JSON; ends with an error when anything is not as it must be.
import './wire.mjs' // first: the SDK must use the fetch that is listened in on
import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { createAuthenticatedClient, isFinalizedGrant, isPendingGrant, OpenPaymentsClientError } from '@interledger/open-payments'
import { judge } from './wire.mjs'
import { consent } from './person.mjs'

const { WALLETS, CLIENT_WALLET, KEY_ID, KEY_FILE } = process.env
const value = process.argv[2] // minor units that are to arrive

const client = await createAuthenticatedClient({
  walletAddressUrl: CLIENT_WALLET, keyId: KEY_ID, privateKey: KEY_FILE, validateResponses: true
})

async function refused(status, code, call) {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof OpenPaymentsClientError, String(error))
    assert.deepEqual({ status: error.status, code: error.code }, { status, code }, error.description)
    return true
  })
}

const buyer = await client.walletAddress.get({ url: `${WALLETS}/buyer-usd` })
const worker = await client.walletAddress.get({ url: `${WALLETS}/worker-mxn` })
const keys = await client.walletAddress.getKeys({ url: CLIENT_WALLET })
assert.ok(keys.keys.some((key) => key.kid === KEY_ID))
await refused(404, '404', () => client.walletAddress.get({ url: `${WALLETS}/nobody` }))

// What the worker is to receive.
const incomingGrant = await client.grant.request({ url: worker.authServer }, {
  access_token: { access: [{ type: 'incoming-payment', actions: ['create', 'read', 'list', 'complete'] }] }
})
assert.ok(isFinalizedGrant(incomingGrant))
const incomingToken = incomingGrant.access_token.value
const newIncoming = { walletAddress: worker.id, incomingAmount: { value, assetCode: worker.assetCode, assetScale: worker.assetScale }, metadata: { note: 'trabajo n.º 7' } }
const incoming = await client.incomingPayment.create({ url: worker.resourceServer, accessToken: incomingToken }, newIncoming)
await refused(400, '400', () => client.incomingPayment.create(
  { url: worker.resourceServer, accessToken: incomingToken },
  { ...newIncoming, incomingAmount: { ...newIncoming.incomingAmount, assetCode: 'EUR' } }))
await refused(403, '403', () => client.incomingPayment.create({ url: worker.resourceServer, accessToken: 'no-such-token' }, newIncoming))

// What that costs the buyer.
const quoteGrant = await client.grant.request({ url: buyer.authServer }, {
  access_token: { access: [{ type: 'quote', actions: ['create', 'read'] }] }
})
assert.ok(isFinalizedGrant(quoteGrant))
const quote = await client.quote.create(
  { url: buyer.resourceServer, accessToken: quoteGrant.access_token.value },
  { walletAddress: buyer.id, receiver: incoming.id, method: 'ilp' })
await client.quote.get({ url: quote.id, accessToken: quoteGrant.access_token.value })

// The buyer's consent.
const nonce = randomUUID()
const finishUri = 'http://localhost/returned?order=7'
const pending = await client.grant.request({ url: buyer.authServer }, {
  access_token: { access: [{
    type: 'outgoing-payment', actions: ['create', 'read', 'list'], identifier: buyer.id,
    limits: { debitAmount: quote.debitAmount, receiver: incoming.id }
  }] },
  interact: { start: ['redirect'], finish: { method: 'redirect', uri: finishUri, nonce } }
})
assert.ok(isPendingGrant(pending))
const asked = performance.now()
const finish = await consent(pending.interact.redirect, 'approve')
assert.ok(finish.href.startsWith(finishUri + '&'), finish.href)
const interactRef = finish.searchParams.get('interact_ref')
assert.equal(finish.searchParams.get('hash'), createHash('sha256')
  .update([nonce, pending.interact.finish, interactRef, buyer.authServer].join('\n')).digest('base64'))

const continuation = { url: pending.continue.uri, accessToken: pending.continue.access_token.value }
await refused(400, 'too_fast', () => client.grant.continue(continuation, { interact_ref: interactRef }))
await wait(pending.continue.wait * 1000 - (performance.now() - asked) + 20)
await refused(404, 'invalid_continuation', () => client.grant.continue(continuation, { interact_ref: randomUUID() }))
const outgoingGrant = await client.grant.continue(continuation, { interact_ref: interactRef })
assert.ok(isFinalizedGrant(outgoingGrant))
await refused(401, 'request_denied', () => client.grant.continue(continuation, { interact_ref: interactRef }))
const rotated = await client.token.rotate({ url: outgoingGrant.access_token.manage, accessToken: outgoingGrant.access_token.value })
const outgoingToken = rotated.access_token.value

// The payment.
const paying = { url: buyer.resourceServer, accessToken: outgoingToken }
const newOutgoing = { walletAddress: buyer.id, quoteId: quote.id, metadata: { note: 'trabajo n.º 7' } }
const outgoing = await client.outgoingPayment.create(paying, newOutgoing)
assert.equal(outgoing.id.split('/').pop(), quote.id.split('/').pop())
await refused(400, '400', () => client.outgoingPayment.create(paying, newOutgoing))

const deadline = performance.now() + 10_000
let received
do {
  assert.ok(performance.now() < deadline, 'the money does not arrive')
  await wait(50)
  received = await client.incomingPayment.get({ url: incoming.id, accessToken: incomingToken })
} while (BigInt(received.receivedAmount.value) < BigInt(value))
const sent = await client.outgoingPayment.get({ url: outgoing.id, accessToken: outgoingToken })
assert.equal(sent.failed, false)
await client.incomingPayment.getPublic({ url: incoming.id })
await client.outgoingPayment.list({ ...paying, walletAddress: buyer.id })
await client.incomingPayment.list({ url: worker.resourceServer, accessToken: incomingToken, walletAddress: worker.id })
const spent = await client.outgoingPayment.getGrantSpentAmounts(paying)

// What must be over now is over.
await client.token.revoke({ url: rotated.access_token.manage, accessToken: outgoingToken })
await refused(403, '403', () => client.outgoingPayment.get({ url: outgoing.id, accessToken: outgoingToken }))

// A buyer who says no.
const declined = await client.grant.request({ url: buyer.authServer }, {
  access_token: { access: [{ type: 'outgoing-payment', actions: ['create'], identifier: buyer.id, limits: { debitAmount: quote.debitAmount } }] },
  interact: { start: ['redirect'], finish: { method: 'redirect', uri: finishUri, nonce } }
})
const no = await consent(declined.interact.redirect, 'decline')
assert.deepEqual([...no.searchParams], [['order', '7'], ['result', 'grant_rejected']])

// One that is taken back before anybody was asked.
const canceled = await client.grant.request({ url: buyer.authServer }, {
  access_token: { access: [{ type: 'outgoing-payment', actions: ['create'], identifier: buyer.id, limits: { debitAmount: quote.debitAmount } }] },
  interact: { start: ['redirect'], finish: { method: 'redirect', uri: finishUri, nonce } }
})
await client.grant.cancel({ url: canceled.continue.uri, accessToken: canceled.continue.access_token.value })

const { wrong, seen } = await judge([buyer, worker, { ...buyer, id: CLIENT_WALLET }, { ...buyer, id: `${WALLETS}/nobody` }])
assert.deepEqual(wrong, [])
console.log(JSON.stringify({ debited: sent.sentAmount, received: received.receivedAmount, spent, seen }, null, 2))

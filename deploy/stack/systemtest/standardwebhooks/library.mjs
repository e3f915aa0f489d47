// What the official library says of a webhook ("" or why it refuses it), or how it signs one. Its argument and its answer are JSON.
import { Webhook, WebhookVerificationError } from 'standardwebhooks'

const { act, secret, id, timestamp, signature, body } = JSON.parse(process.argv[2])
const library = new Webhook(secret)

function verify() {
  try {
    library.verify(body, { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature })
    return ''
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error
    return error.message
  }
}

console.log(JSON.stringify(act === 'sign' ? library.sign(id, new Date(Number(timestamp) * 1000), body) : verify()))

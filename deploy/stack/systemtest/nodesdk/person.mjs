// A person in front of the wallet's consent page, who needs no JavaScript.
import assert from 'node:assert/strict'

/** Decides ("approve" or "decline") and returns where the wallet sends the browser. */
export async function consent(redirect, decision) {
  const cookies = new Map()
  let url = redirect
  let response
  for (let hops = 0; hops < 5; hops++) {
    response = await visit(url, cookies)
    if (response.status < 300 || response.status > 399) break
    url = new URL(response.headers.get('location'), url).href
  }
  assert.equal(response.status, 200, `${url} answers ${response.status}`)
  const page = await response.text()
  const form = page.match(/<form[^>]*action="([^"]*)"[\s\S]*?<\/form>/)
  assert.ok(form, 'the consent page has no form')
  const fields = new URLSearchParams({ decision })
  for (const [input] of form[0].matchAll(/<input[^>]*>/g)) fields.set(attribute(input, 'name'), attribute(input, 'value'))
  response = await visit(new URL(unescape(form[1]), url).href, cookies, fields)
  for (let hops = 0; hops < 5 && !isFinish(response); hops++) {
    assert.ok(response.status > 299 && response.status < 400, `the consent was answered with ${response.status}`)
    url = new URL(response.headers.get('location'), response.url).href
    response = await visit(url, cookies)
  }
  return new URL(response.headers.get('location'))
}

const isFinish = (response) => response.headers.get('location')?.startsWith('http://localhost/returned')

async function visit(url, cookies, form) {
  const response = await fetch(url, {
    method: form ? 'POST' : 'GET',
    body: form,
    redirect: 'manual',
    headers: { accept: 'text/html', cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '), origin: new URL(url).origin }
  })
  for (const cookie of response.headers.getSetCookie()) {
    const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/)
    cookies.set(name, value)
  }
  return response
}

const attribute = (tag, name) => unescape(tag.match(new RegExp(`${name}="([^"]*)"`))?.[1] ?? '')
const unescape = (text) => text.replaceAll('&#34;', '"').replaceAll('&#39;', "'").replaceAll('&#43;', '+').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')

// A browser of a few lines for the pages of the provider: it keeps cookies, follows redirects until they leave the
// provider, and presses buttons of forms.

export class Visitor {
  #cookies = new Map()
  #origin

  constructor(issuer) {
    this.#origin = new URL(issuer).origin
  }

  async open(url, form) {
    const headers = { 'accept-language': 'vi', cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; ') }
    const options = form ? { method: 'POST', body: new URLSearchParams(form) } : {}
    const answer = await fetch(url, { ...options, headers, redirect: 'manual' })
    for (const each of answer.headers.getSetCookie()) this.#keep(each)
    const text = await answer.text()
    const location = answer.headers.get('location') && new URL(answer.headers.get('location'), url)
    if (location?.origin === this.#origin) return this.open(location)
    const name = /<main[^>]*data-page="([^"]*)"/.exec(text)?.[1]
    return { url: new URL(url), status: answer.status, location: location?.href, name, text }
  }

  async press(page, button, answers) {
    const form = formAround(page.text, `id="${button}"`)
    const attributes = attributesOf(form)
    const fields = {}
    for (const [tag] of form.matchAll(/<input\b[^>]*>/g)) {
      const { name, value = '', type } = attributesOf(tag)
      if (name && (type !== 'checkbox' || name in answers)) fields[name] = answers[name] ?? value
    }
    return this.open(new URL(attributes.action ?? '', page.url), { ...fields, [button]: '' })
  }

  #keep(header) {
    const [pair, ...attributes] = header.split(';').map((part) => part.trim())
    const at = pair.indexOf('=')
    const ended = attributes.some((each) => /^max-age=(0|-\d+)$/i.test(each))
    if (ended) this.#cookies.delete(pair.slice(0, at))
    else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1))
  }
}

function formAround(text, mark) {
  const form = text.match(/<form\b[\s\S]*?<\/form>/g)?.find((each) => each.includes(mark))
  if (!form) throw new Error(`no form with ${mark} in: ${text.slice(0, 2000)}`)
  return form
}

function attributesOf(tag) {
  const head = tag.slice(0, tag.indexOf('>'))
  return Object.fromEntries([...head.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, unescape(value)]))
}

function unescape(value) {
  const names = { amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#39': "'" }
  return value.replace(/&(amp|lt|gt|quot|#34|#39);/g, (_, name) => names[name])
}

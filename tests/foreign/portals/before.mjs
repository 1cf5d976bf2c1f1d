// What a library has to find before it is loaded: Node 18 has WebCrypto but not under its global names, and the
// provider listens on 127.0.0.1 only.

import { webcrypto } from 'node:crypto'
import dns from 'node:dns'

globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey
dns.setDefaultResultOrder('ipv4first')

import './before.mjs'
import { serve } from './served.mjs'

const options = { get execute() { return [client.allowInsecureRequests] } }
// CONFIGURATION
serve(begin, end)

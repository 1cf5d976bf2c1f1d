import './before.mjs'
import { serve } from './served.mjs'

const options = { [oauth.allowInsecureRequests]: true }
// CONFIGURATION
serve(begin, end)

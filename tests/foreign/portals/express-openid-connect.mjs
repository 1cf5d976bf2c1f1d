import './before.mjs'
import { page } from './served.mjs'

// CONFIGURATION
app.get('/', async (request, response) => response.send(page((await request.oidc.fetchUserInfo()).name)))
app.listen(process.env.PORT, '127.0.0.1')

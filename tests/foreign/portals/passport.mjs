import './before.mjs'
import express from 'express'
import session from 'express-session'
import { page } from './served.mjs'

// CONFIGURATION
const app = express()
app.use(session({ secret: 'a key of the test', resave: false, saveUninitialized: false }))
app.get('/login', passport.authenticate('bhxh', { session: false }))
app.get('/callback', passport.authenticate('bhxh', { session: false }), (request, response) => {
  response.send(page(request.user.displayName))
})
app.listen(process.env.PORT, '127.0.0.1')

package miestro

// API returns the client for the documented calls, for tests.
func (a *Adapter) API() *API { return a.api }

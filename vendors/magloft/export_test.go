package magloft

// API returns the client for the documented calls, for tests.
func (a *records[R]) API() *API { return a.api }

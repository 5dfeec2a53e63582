package sandbox

import "net/http"

// Fake is a fake vendor of another package, such as a stand-in made from the description of an API.
// The methods are safe for concurrent use.
type Fake interface {
	// ServeHTTP answers a call. The path begins behind the base URL.
	http.Handler
	// Operation returns the operation of a call, "" for an unknown call. The body stays readable.
	Operation(r *http.Request) string
	// Creations returns the operations that create an account.
	Creations() []string
	// State returns a deep copy of the data, without calls and faults.
	State() VendorState
	// Variables returns the settings of a usher serve for the base URL, as NAME=value: without the
	// prefix, and without BASE_URL and RATE.
	Variables(baseURL string) []string
}

// fake is a Fake with a name.
type fake struct {
	Fake

	named string
}

func (f fake) name() string { return f.named }

func (f fake) base() string { return "/" + f.named }

func (f fake) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{"/": f.ServeHTTP}
}

func (f fake) state() VendorState { return f.State() }

func (f fake) creations() []string { return f.Creations() }

package magloft

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// Client is a sub-user of the portal: an editor, not a customer (Portal API,
// Clients). Times are YYYY-MM-DD HH:MM:SS without a zone.
type Client struct {
	ID          vendors.Int  `json:"id"`
	Firstname   string       `json:"firstname"`
	Lastname    string       `json:"lastname"`
	Email       string       `json:"email"`
	CreatedAt   string       `json:"created_at"`
	UpdatedAt   string       `json:"updated_at"`
	LastSeenAt  string       `json:"last_seen_at"`
	SignInCount vendors.Int  `json:"sign_in_count"`
	GravatarURL string       `json:"gravatar_url"`
	Roles       []ClientRole `json:"roles"`
}

// ClientRole is what a client may do with one publication. No call gives roles.
type ClientRole struct {
	ID            vendors.Int `json:"id"`
	UserID        vendors.Int `json:"user_id"`
	PublicationID vendors.Int `json:"publication_id"`
	AccessLevel   string      `json:"access_level"` // author in the sample; the others are not documented
	CreatedAt     string      `json:"created_at"`
	UpdatedAt     string      `json:"updated_at"`
}

// NewClient is the body of Create new client. All but Lastname is required.
type NewClient struct {
	Email     string
	Firstname string
	Lastname  string
	Password  vendors.Secret
}

// MarshalJSON writes what is not empty, the password too: it goes to the vendor.
func (c NewClient) MarshalJSON() ([]byte, error) {
	return json.Marshal(filled(map[string]string{
		"email": c.Email, "firstname": c.Firstname, "lastname": c.Lastname, "password": c.Password.Reveal(),
	}))
}

// ClientChange is the body of Update Client. What is empty is not sent. The
// e-mail cannot be changed.
type ClientChange struct {
	Firstname string
	Lastname  string
	Password  vendors.Secret // sent as password_confirmation too
}

// MarshalJSON writes what is not empty, the password too: it goes to the vendor.
func (c ClientChange) MarshalJSON() ([]byte, error) {
	return json.Marshal(filled(map[string]string{
		"firstname": c.Firstname, "lastname": c.Lastname,
		"password": c.Password.Reveal(), "password_confirmation": c.Password.Reveal(),
	}))
}

// filled leaves out what is empty.
func filled(fields map[string]string) map[string]string {
	for name, value := range fields {
		if value == "" {
			delete(fields, name)
		}
	}
	return fields
}

// ListClients returns the clients (Portal API, List Clients). Whether it is all
// of them or a first page is not documented.
func (a *API) ListClients(ctx context.Context) (Page[Client], error) {
	return list[Client](ctx, a, vendors.Call{Op: "list clients", Path: "/clients/"})
}

// PageClients returns one page of the clients (Portal API, Retrieve paginated list of clients).
func (a *API) PageClients(ctx context.Context, q Query) (Page[Client], error) {
	return list[Client](ctx, a, q.call("page clients", "/clients"))
}

// GetClient returns one client (Portal API, GET Client).
func (a *API) GetClient(ctx context.Context, clientID int) (Client, error) {
	return send[Client](ctx, a, vendors.Call{Op: "get client", Method: http.MethodGet, Path: clientPath(clientID)})
}

// CreateClient makes a client (Portal API, Create new client). What it answers
// for an e-mail that is taken is not documented.
func (a *API) CreateClient(ctx context.Context, c NewClient) (Client, error) {
	return send[Client](ctx, a, vendors.Call{Op: "create client", Method: http.MethodPost, Path: "/clients/", JSON: c})
}

// UpdateClient changes the fields given (Portal API, Update Client). It may be
// repeated. The document says that it answers with the client, its sample with
// null: the answer is not read.
func (a *API) UpdateClient(ctx context.Context, clientID int, c ClientChange) error {
	return a.calls.Do(ctx, vendors.Call{Op: "update client", Method: http.MethodPut, Path: clientPath(clientID), JSON: c, Repeatable: true})
}

// DeleteClient removes a client (Portal API, Delete Client). It may be
// repeated; what a second one answers is not documented.
func (a *API) DeleteClient(ctx context.Context, clientID int) error {
	return a.calls.Do(ctx, vendors.Call{Op: "delete client", Method: http.MethodDelete, Path: clientPath(clientID), Repeatable: true})
}

// BecomeClientBySideEffectOfGET logs the caller in as the client (Portal API,
// Become Client). It is a GET that changes something, and impersonates a
// person: it is made once, and the adapter never makes it.
func (a *API) BecomeClientBySideEffectOfGET(ctx context.Context, clientID int) error {
	return a.calls.Do(ctx, vendors.Call{Op: "become client", Method: http.MethodGet, Path: clientPath(clientID) + "/become", Once: true})
}

func clientPath(clientID int) string { return "/clients/" + strconv.Itoa(clientID) }

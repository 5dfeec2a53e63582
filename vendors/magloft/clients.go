package magloft

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// Client is a sub-user of the portal: an editor, not a customer (Portal API, Clients). Times
// are YYYY-MM-DD HH:MM:SS without a zone.
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

// ClientRole is a client's right to one publication. No call grants roles.
type ClientRole struct {
	ID            vendors.Int `json:"id"`
	UserID        vendors.Int `json:"user_id"`
	PublicationID vendors.Int `json:"publication_id"`
	AccessLevel   string      `json:"access_level"` // author in the sample; other values are undocumented
	CreatedAt     string      `json:"created_at"`
	UpdatedAt     string      `json:"updated_at"`
}

// NewClient is the body of Create new client (Portal API, Clients). All fields except Lastname
// are required.
type NewClient struct {
	Email     string
	Firstname string
	Lastname  string
	Password  vendors.Secret
}

// MarshalJSON writes the non-empty fields, with the password in clear text for the vendor.
func (c NewClient) MarshalJSON() ([]byte, error) {
	return json.Marshal(filled(map[string]string{
		"email": c.Email, "firstname": c.Firstname, "lastname": c.Lastname, "password": c.Password.Reveal(),
	}))
}

// ClientChange is the body of Update Client (Portal API, Clients). Empty fields are not sent.
// The e-mail cannot change.
type ClientChange struct {
	Firstname string
	Lastname  string
	Password  vendors.Secret // also sent as password_confirmation
}

// MarshalJSON writes the non-empty fields, with the password in clear text for the vendor.
func (c ClientChange) MarshalJSON() ([]byte, error) {
	return json.Marshal(filled(map[string]string{
		"firstname": c.Firstname, "lastname": c.Lastname,
		"password": c.Password.Reveal(), "password_confirmation": c.Password.Reveal(),
	}))
}

// filled removes empty fields.
func filled(fields map[string]string) map[string]string {
	for name, value := range fields {
		if value == "" {
			delete(fields, name)
		}
	}
	return fields
}

// ListClients is GET /clients/ (Portal API, List Clients). The document does not say whether
// the list is complete or a first page.
func (a *API) ListClients(ctx context.Context) (Page[Client], error) {
	return list[Client](ctx, a, vendors.Call{Op: "list clients", Path: "/clients/"})
}

// PageClients is GET /clients/page/{page} (Portal API, Retrieve paginated list of clients).
func (a *API) PageClients(ctx context.Context, q Query) (Page[Client], error) {
	return list[Client](ctx, a, q.call("page clients", "/clients"))
}

// GetClient is GET /clients/{id} (Portal API, GET Client). A response without a client counts as
// 404 if MagLoft shows another client.
func (a *API) GetClient(ctx context.Context, clientID int) (Client, error) {
	control := shows(a.PageClients, func(c Client) vendors.Int { return c.ID }, func(ctx context.Context, id int) (Client, error) {
		return a.client(ctx, id, nil)
	})
	return a.client(ctx, clientID, control)
}

func (a *API) client(ctx context.Context, clientID int, control func(context.Context) error) (Client, error) {
	return send[Client](ctx, a, vendors.Call{Op: "get client", Method: http.MethodGet, Path: clientPath(clientID), Control: control})
}

// CreateClient is POST /clients/ (Portal API, Create new client). The response to a taken
// e-mail is undocumented.
func (a *API) CreateClient(ctx context.Context, c NewClient) (Client, error) {
	return send[Client](ctx, a, vendors.Call{Op: "create client", Method: http.MethodPost, Path: "/clients/", JSON: c})
}

// UpdateClient is PUT /clients/{id} (Portal API, Update Client): changes the given fields. A
// repeat has no further effect. The response is ignored: the document promises the client, the
// sample shows null.
func (a *API) UpdateClient(ctx context.Context, clientID int, c ClientChange) error {
	return a.calls.Do(ctx, vendors.Call{Op: "update client", Method: http.MethodPut, Path: clientPath(clientID), JSON: c, Repeatable: true})
}

// DeleteClient is DELETE /clients/{id} (Portal API, Delete Client). A repeat has no further
// effect; the response to a repeat is undocumented.
func (a *API) DeleteClient(ctx context.Context, clientID int) error {
	return a.calls.Do(ctx, vendors.Call{Op: "delete client", Method: http.MethodDelete, Path: clientPath(clientID), Repeatable: true})
}

// BecomeClientBySideEffectOfGET is GET /clients/{id}/become (Portal API, Become Client): logs
// the caller in as the client. This GET has an effect and impersonates a person; the client
// never repeats the call, and the adapter never makes it.
func (a *API) BecomeClientBySideEffectOfGET(ctx context.Context, clientID int) error {
	return a.calls.Do(ctx, vendors.Call{Op: "become client", Method: http.MethodGet, Path: clientPath(clientID) + "/become", Once: true})
}

func clientPath(clientID int) string { return "/clients/" + strconv.Itoa(clientID) }

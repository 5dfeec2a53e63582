package magloft

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// Reader is a customer of one app (Portal API, Readers). The records of
// PageReaders have neither token nor custom data.
type Reader struct {
	ID                  vendors.Int    `json:"id"`
	Email               string         `json:"email"`
	Name                string         `json:"name"` // the first name
	Lastname            string         `json:"lastname"`
	LastSignInAt        string         `json:"last_sign_in_at"`
	CreatedAt           string         `json:"created_at"`
	Devices             []string       `json:"devices"`
	Confirmed           vendors.Flag   `json:"confirmed"`
	AuthenticationToken vendors.Secret `json:"authentication_token"`
	CustomData          map[string]any `json:"custom_data"`
	Password            vendors.Secret `json:"password"`
	ClassificationIDs   []vendors.Int  `json:"classification_ids"`
}

// ReaderFields are the body of the calls that create and update a reader. What
// is empty or nil is not sent. Only the e-mail is required, and only to create.
type ReaderFields struct {
	Email             string
	Password          vendors.Secret
	Name              string
	Lastname          string
	CustomData        map[string]string
	Confirmation      *bool // whether MagLoft sends the reader an e-mail; only to create
	Confirmed         *bool
	ClassificationIDs []int
}

// MarshalJSON writes what is set, the password too: it goes to the vendor.
func (f ReaderFields) MarshalJSON() ([]byte, error) {
	fields := map[string]any{}
	texts := map[string]string{"email": f.Email, "password": f.Password.Reveal(), "name": f.Name, "lastname": f.Lastname}
	for name, value := range filled(texts) {
		fields[name] = value
	}
	if f.CustomData != nil {
		fields["custom_data"] = f.CustomData
	}
	if f.Confirmation != nil {
		fields["confirmation"] = *f.Confirmation
	}
	if f.Confirmed != nil {
		fields["confirmed"] = *f.Confirmed
	}
	if f.ClassificationIDs != nil {
		fields["classification_ids"] = f.ClassificationIDs
	}
	return json.Marshal(fields)
}

// readerList is an array, or one reader alone, as the document's sample has it.
type readerList []Reader

// UnmarshalJSON reads both shapes.
func (l *readerList) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("{")) {
		*l = make([]Reader, 1)
		return json.Unmarshal(b, &(*l)[0])
	}
	return json.Unmarshal(b, (*[]Reader)(l))
}

func (a *API) readersPath() string { return "/readers/" + a.app }

func (a *API) readerPath(readerID int) string { return a.readersPath() + "/" + strconv.Itoa(readerID) }

// ListReaders returns the app's readers (Portal API, Readers, List).
func (a *API) ListReaders(ctx context.Context) ([]Reader, error) {
	return send[readerList](ctx, a, vendors.Call{Op: "list readers", Method: http.MethodGet, Path: a.readersPath()})
}

// PageReaders returns one page of the app's readers (Portal API, Readers,
// paginated list). The document types its filter as JSON, without saying more,
// where all other lists have a text.
func (a *API) PageReaders(ctx context.Context, q Query) (Page[Reader], error) {
	return list[Reader](ctx, a, q.call("page readers", a.readersPath()))
}

// ReaderByEmail returns the reader with the e-mail (Portal API, Readers, Get
// reader). A server may take what follows the last dot for a format: compare
// the e-mail that comes.
func (a *API) ReaderByEmail(ctx context.Context, email string) (Reader, error) {
	return a.reader(ctx, a.readersPath()+"/"+escape(email))
}

// ReaderByID returns the reader with MagLoft's id (Portal API, Readers, Get reader).
func (a *API) ReaderByID(ctx context.Context, readerID int) (Reader, error) {
	return a.reader(ctx, a.readerPath(readerID))
}

func (a *API) reader(ctx context.Context, path string) (Reader, error) {
	return send[Reader](ctx, a, vendors.Call{Op: "get reader", Method: http.MethodGet, Path: path})
}

// CreateReader makes a reader (Portal API, Readers, Create). What it answers
// for an e-mail that is taken is not documented.
func (a *API) CreateReader(ctx context.Context, f ReaderFields) (Reader, error) {
	return send[Reader](ctx, a, vendors.Call{Op: "create reader", Method: http.MethodPost, Path: a.readersPath(), JSON: f})
}

// UpdateReader changes the fields given (Portal API, Readers, Update). It may be
// repeated. The answer is not read: see UpdateClient.
func (a *API) UpdateReader(ctx context.Context, readerID int, f ReaderFields) error {
	return a.calls.Do(ctx, vendors.Call{Op: "update reader", Method: http.MethodPut, Path: a.readerPath(readerID), JSON: f, Repeatable: true})
}

// DeleteReader removes a reader (Portal API, Readers, Delete). It may be
// repeated; what a second one answers is not documented.
func (a *API) DeleteReader(ctx context.Context, readerID int) error {
	return a.calls.Do(ctx, vendors.Call{Op: "delete reader", Method: http.MethodDelete, Path: a.readerPath(readerID), Repeatable: true})
}

// UnlockIssues gives a reader the products, such as purchase.issue_123
// (Portal API, Readers, Unlock issues). Whether a repeat with the same order id
// is one purchase is not documented, nor what the answer holds: it is not read.
func (a *API) UnlockIssues(ctx context.Context, readerID int, productIDs []string, orderID string) error {
	body := map[string]any{"product_ids": productIDs}
	if orderID != "" {
		body["order_id"] = orderID
	}
	return a.calls.Do(ctx, vendors.Call{Op: "unlock issues", Method: http.MethodPost, Path: a.readerPath(readerID) + "/unlock", JSON: body})
}

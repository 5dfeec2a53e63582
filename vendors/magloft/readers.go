package magloft

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/usherhq/usher/vendors"
)

// Reader is a customer of one app (Portal API, Readers). The records of PageReaders have
// neither token nor custom data.
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

// ReaderFields is the body of the calls that create and update a reader (Portal API, Readers).
// Empty and nil fields are not sent. Only a creation requires a field: the e-mail.
type ReaderFields struct {
	Email             string
	Password          vendors.Secret
	Name              string
	Lastname          string
	CustomData        map[string]string
	Confirmation      *bool // whether MagLoft sends the reader an e-mail; for a creation only
	Confirmed         *bool
	ClassificationIDs []int
}

// MarshalJSON writes the set fields, with the password in clear text for the vendor.
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

// readerList is an array of readers, or a single reader as in the document's sample.
type readerList []Reader

// UnmarshalJSON reads both forms.
func (l *readerList) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("{")) {
		*l = make([]Reader, 1)
		return json.Unmarshal(b, &(*l)[0])
	}
	return json.Unmarshal(b, (*[]Reader)(l))
}

func (a *API) readersPath() string { return "/readers/" + a.app }

func (a *API) readerPath(readerID int) string { return a.readersPath() + "/" + strconv.Itoa(readerID) }

// ListReaders is GET /readers/{app} (Portal API, Readers, List).
func (a *API) ListReaders(ctx context.Context) ([]Reader, error) {
	return send[readerList](ctx, a, vendors.Call{Op: "list readers", Method: http.MethodGet, Path: a.readersPath()})
}

// PageReaders is GET /readers/{app}/page/{page} (Portal API, Readers, paginated list). The
// document types the filter as JSON without details; the filter of all other lists is a text.
func (a *API) PageReaders(ctx context.Context, q Query) (Page[Reader], error) {
	return list[Reader](ctx, a, q.call("page readers", a.readersPath()))
}

// ReaderByEmail is GET /readers/{app}/{email} (Portal API, Readers, Get reader). A server may
// read the text after the last dot as a file format: compare the e-mail in the response.
func (a *API) ReaderByEmail(ctx context.Context, email string) (Reader, error) {
	return a.reader(ctx, a.readersPath()+"/"+escape(email), a.listsReaders)
}

// listsReaders returns an error unless MagLoft lists readers. A reader who is not shown by e-mail
// is then searched in the list.
func (a *API) listsReaders(ctx context.Context) error {
	_, err := a.PageReaders(ctx, Query{PerPage: 1})
	return err
}

// ReaderByID is GET /readers/{app}/{id} with MagLoft's id (Portal API, Readers, Get reader).
func (a *API) ReaderByID(ctx context.Context, readerID int) (Reader, error) {
	control := shows(a.PageReaders, func(r Reader) vendors.Int { return r.ID }, func(ctx context.Context, id int) (Reader, error) {
		return a.reader(ctx, a.readerPath(id), nil)
	})
	return a.reader(ctx, a.readerPath(readerID), control)
}

func (a *API) reader(ctx context.Context, path string, control func(context.Context) error) (Reader, error) {
	return send[Reader](ctx, a, vendors.Call{Op: "get reader", Method: http.MethodGet, Path: path, Control: control})
}

// CreateReader is POST /readers/{app} (Portal API, Readers, Create). The response to a taken
// e-mail is undocumented.
func (a *API) CreateReader(ctx context.Context, f ReaderFields) (Reader, error) {
	return send[Reader](ctx, a, vendors.Call{Op: "create reader", Method: http.MethodPost, Path: a.readersPath(), JSON: f})
}

// UpdateReader is PUT /readers/{app}/{id} (Portal API, Readers, Update): changes the given
// fields. A repeat has no further effect. The response is ignored; see UpdateClient.
func (a *API) UpdateReader(ctx context.Context, readerID int, f ReaderFields) error {
	return a.calls.Do(ctx, vendors.Call{Op: "update reader", Method: http.MethodPut, Path: a.readerPath(readerID), JSON: f, Repeatable: true})
}

// DeleteReader is DELETE /readers/{app}/{id} (Portal API, Readers, Delete). A repeat has no
// further effect; the response to a repeat is undocumented.
func (a *API) DeleteReader(ctx context.Context, readerID int) error {
	return a.calls.Do(ctx, vendors.Call{Op: "delete reader", Method: http.MethodDelete, Path: a.readerPath(readerID), Repeatable: true})
}

// UnlockIssues is POST /readers/{app}/{id}/unlock (Portal API, Readers, Unlock issues): gives
// the reader products such as purchase.issue_123. The document says neither whether a repeat
// with the same order id is one purchase, nor the form of the response, which is ignored.
func (a *API) UnlockIssues(ctx context.Context, readerID int, productIDs []string, orderID string) error {
	body := map[string]any{"product_ids": productIDs}
	if orderID != "" {
		body["order_id"] = orderID
	}
	return a.calls.Do(ctx, vendors.Call{Op: "unlock issues", Method: http.MethodPost, Path: a.readerPath(readerID) + "/unlock", JSON: body})
}

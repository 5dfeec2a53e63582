package miestro_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// changing makes every change of a user that Miestro answers with {}.
func changing(a *miestro.Adapter) map[string]func(context.Context, vendors.Account) error {
	return map[string]func(context.Context, vendors.Account) error{
		"update": func(ctx context.Context, acc vendors.Account) error {
			return a.Update(ctx, origin, acc, vendors.User{Email: "king@example.org"})
		},
		"delete":   func(ctx context.Context, acc vendors.Account) error { return a.Delete(ctx, origin, acc) },
		"enroll":   func(ctx context.Context, acc vendors.Account) error { return a.Enroll(ctx, enrollment(acc, "7")) },
		"unenroll": func(ctx context.Context, acc vendors.Account) error { return a.Unenroll(ctx, enrollment(acc, "7")) },
	}
}

// TestAnswersThatAreNotDone is about the good status of an answer that does not say
// that the change was made.
func TestAnswersThatAreNotDone(t *testing.T) {
	tests := map[string]struct {
		answer string
		ok     bool
		class  vendors.Class // of the error
	}{
		"nothing":          {`{}`, true, 0},
		"nothing, spaced":  {" {\n}\n", true, 0},
		"no error":         {`{"error":null,"errors":null}`, true, 0},
		"an error of none": {`{"error":false,"errors":[]}`, true, 0},
		"something else":   {`{"data":{"id":7}}`, true, 0},
		"an error":         {`{"error":"The account is locked."}`, false, vendors.Permanent},
		"errors of fields": {`{"errors":{"email":["is taken"]}}`, false, vendors.Permanent},
		"a page":           {`<html>Please log in</html>`, false, vendors.Again},
		"a text":           {`"done"`, false, vendors.Again},
		"null":             {`null`, true, 0},
		"empty":            {``, true, 0},
		"blanks":           {" \r\n", true, 0},
		"a mark":           {"\ufeff{}", true, 0},
		"PHP's nothing":    {`[]`, true, 0},
		"a list":           {`[1]`, false, vendors.Again},
	}
	for name, test := range tests {
		vendortest.Try(t, name, func(t *testing.T) {
			c := config("http://miestro.test")
			c.HTTP = memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					fmt.Fprint(w, `{"id":1,"email":"ada@example.org","role":0}`)
					return
				}
				fmt.Fprint(w, test.answer)
			}))
			a, err := miestro.New(c)
			if err != nil {
				t.Fatal(err)
			}
			for op, do := range changing(a) {
				err := do(t.Context(), vendors.Account{ID: "1"})
				if (err == nil) != test.ok || (err != nil && vendors.ClassOf(err) != test.class) {
					t.Errorf("%s: got %v (%v), want success to be %v, else %v", op, err, vendors.ClassOf(err), test.ok, test.class)
				}
			}
		})
	}
}

// TestRefusalsWithin200 is about a Miestro that tells of errors in the body alone.
func TestRefusalsWithin200(t *testing.T) {
	box, err := sandbox.New(sandbox.Config{Switches: sandbox.Switches{MiestroErrors: "body", RepeatEnroll: "error", RepeatUnenroll: "error"}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(box.Handler())
	t.Cleanup(server.Close)
	a, err := miestro.New(config(box.BaseURLs(server.Listener.Addr().String())["miestro"]))
	if err != nil {
		t.Fatal(err)
	}
	acc := add(t.Context(), t, a, "ada@example.org", miestro.RoleUser)
	add(t.Context(), t, a, "king@example.org", miestro.RoleUser)
	for _, op := range []string{"enroll", "unenroll"} {
		for n := range 2 { // the second finds it done, and says so in an error
			if err := changing(a)[op](t.Context(), acc); err != nil {
				t.Errorf("%s, %d: got %v, want success", op, n, err)
			}
		}
	}
	if err := changing(a)["update"](t.Context(), acc); vendors.ClassOf(err) != vendors.Permanent {
		t.Errorf("got %v of an e-mail that is taken, want a permanent error", err)
	}
	if err := changing(a)["enroll"](t.Context(), vendors.Account{ID: "99"}); vendors.ClassOf(err) != vendors.Permanent {
		t.Errorf("got %v of nobody, want a permanent error", err)
	}
}

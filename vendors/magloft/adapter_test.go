package magloft_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/magloft"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

var (
	modes  = []string{magloft.ModeClients, magloft.ModeReaders}
	origin = vendors.Origin{Key: "0123456789abcdef0123456789abcdef", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
)

// creates is the operation that makes an account.
var creates = map[string]string{magloft.ModeClients: "POST /clients/{$}", magloft.ModeReaders: "POST /readers/{app}"}

func TestSuite(t *testing.T) {
	unusable := vendors.Unusable
	for mode, course := range map[string]string{magloft.ModeClients: "", magloft.ModeReaders: "7"} {
		t.Run(mode, func(t *testing.T) {
			vendortest.Run(t, vendortest.Suite{
				Name: "magloft",
				New: func(s vendors.Settings) (vendors.Adapter, error) {
					c := config(s.BaseURL, mode)
					c.Settings = s
					return magloft.New(c)
				},
				Secrets:    []string{sandbox.MagLoftAccessToken, "sandbox-reader"},
				Course:     course,
				Repeatable: []string{vendortest.Delete, vendortest.Enroll},
				FixedEmail: mode == magloft.ModeClients,
				ShowsOne:   mode == magloft.ModeReaders,
				Verdict: func(port string, status int) (*vendors.Class, bool) { // a list that is not there is a wrong base URL or app id
					return &unusable, status == http.StatusNotFound && port != vendortest.Show && port != vendortest.Update
				},
			})
		})
	}
}

// answering serves the same answer to every call.
func answering(t *testing.T, answer string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
	t.Cleanup(server.Close)
	return server.URL
}

// stand is an adapter of the mode at a stand-in of its own.
func stand(t *testing.T, mode string, sw sandbox.Switches) (both, vendortest.Server) {
	t.Helper()
	s := vendortest.Serve(t, "magloft", sandbox.Config{Switches: sw})
	return adapter(t, configOf(s, mode)), s
}

// add makes an account past the adapter.
func add(ctx context.Context, t *testing.T, a both, mode, email string) vendors.Account {
	t.Helper()
	var id vendors.Int
	var err error
	if mode == magloft.ModeReaders {
		var r magloft.Reader
		r, err = a.API().CreateReader(ctx, magloft.ReaderFields{Email: email})
		id = r.ID
	} else {
		var c magloft.Client
		c, err = a.API().CreateClient(ctx, magloft.NewClient{Email: email, Firstname: "Someone", Password: "pw"})
		id = c.ID
	}
	if err != nil {
		t.Fatal(err)
	}
	return vendors.Account{ID: strconv.Itoa(int(id))}
}

// ambiguous is the wish for a look-up with several accounts.
const ambiguous = "ambiguous"

func TestFind(t *testing.T) {
	tests := map[string]struct {
		there []string // e-mails of the accounts, which get the ids 1, 2, …
		email string
		want  string // the id; empty: nobody
	}{
		"nobody at all":     {email: "ada@example.org"},
		"exact":             {there: []string{"eve@example.org", "ada@example.org"}, email: "ada@example.org", want: "2"},
		"case and blanks":   {there: []string{"Ada@Example.org"}, email: " ada@example.ORG ", want: "1"},
		"longer domain":     {there: []string{"ada@example.org.uk"}, email: "ada@example.org"},
		"longer name":       {there: []string{"lady.ada@example.org"}, email: "ada@example.org"},
		"tagged is another": {there: []string{"ada@example.org"}, email: "ada+news@example.org"},
		"tagged":            {there: []string{"ada@example.org", "ada+news@example.org"}, email: "ada+news@example.org", want: "2"},
		"signs of paths":    {there: []string{"a/b?c&d=e%2f#g@example.org"}, email: "a/b?c&d=e%2f#g@example.org", want: "1"},
		"twins":             {there: []string{"ada@example.org", "ada@example.org"}, email: "ada@example.org", want: ambiguous},
		"empty":             {there: []string{"ada@example.org"}, email: ""},
	}
	for _, mode := range modes {
		for name, test := range tests {
			t.Run(mode+" "+name, func(t *testing.T) {
				a, _ := stand(t, mode, sandbox.Switches{DuplicateEmail: "second"})
				for _, email := range test.there {
					add(t.Context(), t, a, mode, email)
				}
				got, err := a.Find(t.Context(), vendors.User{ID: "u1", Email: test.email})
				if test.want == "" && !errors.Is(err, vendors.ErrNotFound) {
					t.Errorf("got %v, %v, want ErrNotFound", got, err)
				}
				if test.want == ambiguous {
					if !errors.Is(err, vendors.ErrAmbiguous) != (mode == magloft.ModeReaders) { // one reader is shown by e-mail
						t.Errorf("got %v, %v", got, err)
					}
					return
				}
				if test.want != "" && (err != nil || got.ID != test.want) {
					t.Errorf("got %v, %v, want %s", got, err, test.want)
				}
			})
		}
	}
}

func TestFindWalksAllPages(t *testing.T) {
	a, s := stand(t, magloft.ModeClients, sandbox.Switches{})
	for i := range 230 {
		add(t.Context(), t, a, magloft.ModeClients, fmt.Sprintf("%d-ada@example.org", i))
	}
	add(t.Context(), t, a, magloft.ModeClients, "ada@example.org")
	got, err := a.Find(t.Context(), vendors.User{Email: "ada@example.org"})
	if err != nil || got.ID != "231" {
		t.Errorf("got %v, %v, want 231", got, err)
	}
	if calls := s.State("magloft").Calls["GET /clients/page/{page}"]; calls != 3 {
		t.Errorf("got %d calls, want 3 pages of 100", calls)
	}
}

func TestCreate(t *testing.T) {
	want := map[string]sandbox.User{
		magloft.ModeClients: {ID: "1", Kind: "client", Email: "ada@example.org", Name: "Ada Lovelace", Creates: 1},
		magloft.ModeReaders: {ID: "1", Kind: "reader", External: "u1", Email: "ada@example.org", Name: "Ada Lovelace", Creates: 1},
	}
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			a, s := stand(t, mode, sandbox.Switches{})
			u := vendors.User{ID: "u1", Email: "Ada@example.org", FirstName: "Ada", LastName: "Lovelace"}
			if got, err := a.Create(t.Context(), origin, u); err != nil || got.ID != "1" {
				t.Fatalf("got %v, %v", got, err)
			}
			if users := s.State("magloft").Users; len(users) != 1 || users[0] != want[mode] {
				t.Errorf("got %+v, want %+v", users, want[mode])
			}
		})
	}
}

func TestCreateWithoutAName(t *testing.T) {
	for _, mode := range modes {
		a, s := stand(t, mode, sandbox.Switches{})
		if _, err := a.Create(t.Context(), origin, vendors.User{ID: "u1", Email: "ada@example.org"}); err != nil {
			t.Fatal(err)
		}
		if got := s.State("magloft").Users[0].Name; got != "ada" {
			t.Errorf("%s: got name %q, want the part before the @", mode, got)
		}
	}
}

func TestCreateWhereTheEmailIsTaken(t *testing.T) {
	for _, mode := range modes {
		for _, answer := range []string{"422", "409", "400", "existing"} {
			t.Run(mode+" "+answer, func(t *testing.T) {
				a, s := stand(t, mode, sandbox.Switches{DuplicateEmail: answer})
				there := add(t.Context(), t, a, mode, "ada+x@example.org")
				got, err := a.Create(t.Context(), origin, vendors.User{ID: "u1", Email: "ada+x@example.org"})
				there.Existed = answer != "existing" // such a response says nothing of it
				if err != nil || got != there {
					t.Errorf("got %v, %v, want %v", got, err, there)
				}
				if n := len(s.State("magloft").Users); n != 1 {
					t.Errorf("got %d accounts, want 1", n)
				}
			})
		}
	}
}

// TestCreateWhereTheFilterFindsNobody is about a filter that looks at other fields
// than the e-mail, or is not taken at all.
func TestCreateWhereTheFilterFindsNobody(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"looks elsewhere": func(w http.ResponseWriter) { fmt.Fprint(w, `{"total":0,"page":1,"records":[]}`) },
		"is refused":      func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadRequest) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					w.WriteHeader(http.StatusUnprocessableEntity)
				case r.URL.Query().Get("filter") != "":
					answer(w)
				default:
					fmt.Fprint(w, `{"total":2,"page":1,"records":[{"id":6,"email":""},{"id":7,"email":"ada@example.org"}]}`)
				}
			}))
			t.Cleanup(server.Close)
			a := adapter(t, config(server.URL, magloft.ModeClients))
			if got, err := a.Create(t.Context(), origin, vendors.User{ID: "u1", Email: "ada@example.org"}); err != nil || got.ID != "7" {
				t.Errorf("got %v, %v, want 7", got, err)
			}
			if got, err := a.Create(t.Context(), origin, vendors.User{ID: "u1", FirstName: "Ada"}); vendors.ClassOf(err) != vendors.Permanent {
				t.Errorf("got %v, %v of a user without an e-mail, want the refusal", got, err)
			}
		})
	}
}

// TestCreateThatCannotLookAgain is about a refusal and a search that fails in
// passing: the account may be there.
func TestCreateThatCannotLookAgain(t *testing.T) {
	for _, mode := range modes {
		vendortest.Try(t, mode, func(t *testing.T) {
			c := config("http://magloft.test", mode)
			c.HTTP = memnet.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(map[string]int{http.MethodPost: http.StatusUnprocessableEntity, http.MethodGet: http.StatusServiceUnavailable}[r.Method])
			}))
			_, err := adapter(t, c).Create(t.Context(), origin, vendors.User{ID: "u1", Email: "ada@example.org"})
			if err == nil || vendors.ClassOf(err) != vendors.Again {
				t.Errorf("got %v, want that it is tried again", err)
			}
		})
	}
}

func TestCreateDoesNotTakeAnotherAccount(t *testing.T) {
	for _, mode := range modes {
		for name, answer := range map[string]string{
			"another e-mail": `{"id":7,"email":"ada@example.org.uk"}`, "no id": `{"email":"ada@example.org"}`, "an error": `{"error":"taken"}`,
		} {
			t.Run(mode+" "+name, func(t *testing.T) {
				a := adapter(t, config(answering(t, answer), mode))
				if _, err := a.Create(t.Context(), origin, vendors.User{Email: "ada@example.org"}); !vendors.IsUnknown(err) {
					t.Errorf("got %v, want an Unknown error", err)
				}
			})
		}
	}
}

func TestCreateWithALostAnswerIsFoundAfterwards(t *testing.T) {
	for _, mode := range modes {
		for _, kind := range []sandbox.Kind{sandbox.DropAfter, sandbox.FailAfter} {
			t.Run(mode+" "+string(kind), func(t *testing.T) {
				a, s := stand(t, mode, sandbox.Switches{})
				if err := s.Box.Next("magloft", sandbox.Fault{Kind: kind, On: creates[mode]}); err != nil {
					t.Fatal(err)
				}
				u := vendors.User{ID: "u1", Email: "ada+x@example.org"}
				if _, err := a.Create(t.Context(), origin, u); !vendors.IsUnknown(err) {
					t.Fatalf("got %v, want an Unknown error", err)
				}
				if got, err := a.Find(t.Context(), u); err != nil || got.ID != "1" {
					t.Errorf("got %v, %v, want 1", got, err)
				}
				if calls := s.State("magloft").Calls[creates[mode]]; calls != 1 {
					t.Errorf("got %d creates, want 1", calls)
				}
			})
		}
	}
}

func TestDelete(t *testing.T) {
	for _, mode := range modes {
		for _, second := range []string{"404", "200"} {
			t.Run(mode+" second answers "+second, func(t *testing.T) {
				a, s := stand(t, mode, sandbox.Switches{SecondDelete: second})
				acc := add(t.Context(), t, a, mode, "ada@example.org")
				for range 2 {
					if err := a.Delete(t.Context(), origin, acc); err != nil {
						t.Fatal(err)
					}
				}
				if live := s.State("magloft").Live(); len(live) != 0 {
					t.Errorf("got %+v, want nobody", live)
				}
			})
		}
	}
}

func TestClientsDoNotEnroll(t *testing.T) {
	a, _ := stand(t, magloft.ModeClients, sandbox.Switches{})
	_, enrolls := a.(vendors.Enroller)
	_, unenrolls := a.(vendors.Unenroller)
	if enrolls || unenrolls {
		t.Error("clients can be enrolled or taken out again, which the original document does not have")
	}
}

func TestStorm(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			vendortest.Storm(t, "magloft", func(s vendors.Settings) (vendors.Adapter, error) {
				c := config(s.BaseURL, mode)
				c.Settings = s
				return magloft.New(c)
			})
		})
	}
}

package miestro_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/vendors"
	"github.com/usherhq/usher/vendors/miestro"
	"github.com/usherhq/usher/vendors/sandbox"
	"github.com/usherhq/usher/vendors/vendortest"
)

var itoa = strconv.Itoa

var origin = vendors.Origin{Key: "0123456789abcdef0123456789abcdef", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}

func TestSuite(t *testing.T) {
	unusable := vendors.Unusable
	vendortest.Run(t, vendortest.Suite{
		Name: "miestro",
		New: func(s vendors.Settings) (vendors.Adapter, error) {
			c := config(s.BaseURL)
			c.Settings = s
			return miestro.New(c)
		},
		Secrets:    []string{sandbox.MiestroAPIKey, sandbox.MiestroAPISecret},
		Course:     "7",
		Repeatable: []string{vendortest.Delete},
		Verdict: func(port string, status int) (*vendors.Class, bool) { // a list that is not there is a wrong base URL
			return &unusable, status == http.StatusNotFound && port != vendortest.Show && port != vendortest.Update
		},
	})
}

// ambiguous is the wish for a look-up with several accounts.
const ambiguous = "ambiguous"

func TestFind(t *testing.T) {
	tests := map[string]struct {
		there []string // e-mails of the users, who get the ids 1, 2, …
		email string
		want  string // the id; empty: nobody
	}{
		"nobody at all":     {email: "ada@example.org"},
		"exact":             {there: []string{"eve@example.org", "ada@example.org"}, email: "ada@example.org", want: "2"},
		"case and blanks":   {there: []string{"Ada@Example.org"}, email: " ada@example.ORG ", want: "1"},
		"longer domain":     {there: []string{"ada@example.org.uk"}, email: "ada@example.org"},
		"shorter domain":    {there: []string{"ada@example"}, email: "ada@example.org"},
		"longer name":       {there: []string{"lady.ada@example.org"}, email: "ada@example.org"},
		"tagged is another": {there: []string{"ada@example.org"}, email: "ada+news@example.org"},
		"tagged":            {there: []string{"ada@example.org", "ada+news@example.org"}, email: "ada+news@example.org", want: "2"},
		"signs of queries":  {there: []string{"a&b=c%20d@example.org"}, email: "a&b=c%20d@example.org", want: "1"},
		"twins":             {there: []string{"ada@example.org", "ada@example.org"}, email: "ada@example.org", want: ambiguous},
		"empty":             {there: []string{"ada@example.org"}, email: ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, _ := adapter(t, sandbox.Config{Switches: sandbox.Switches{DuplicateEmail: "second"}})
			for _, email := range test.there {
				add(t.Context(), t, a, email, miestro.RoleUser)
			}
			got, err := a.Find(t.Context(), vendors.User{ID: "u1", Email: test.email})
			if test.want == "" && !errors.Is(err, vendors.ErrNotFound) {
				t.Errorf("got %v, %v, want ErrNotFound", got, err)
			}
			if test.want == ambiguous {
				if !errors.Is(err, vendors.ErrAmbiguous) {
					t.Errorf("got %v, %v, want ErrAmbiguous", got, err)
				}
				return
			}
			if test.want != "" && (err != nil || got.ID != test.want) {
				t.Errorf("got %v, %v, want %s", got, err, test.want)
			}
		})
	}
}

func TestFindWalksAllPages(t *testing.T) {
	a, stand := adapter(t, sandbox.Config{})
	for i := range 230 {
		add(t.Context(), t, a, fmt.Sprintf("tag%d+x@example.org", i), miestro.RoleUser)
	}
	got, err := a.Find(t.Context(), vendors.User{Email: "tag229+x@example.org"})
	if err != nil || got.ID != "230" {
		t.Errorf("got %v, %v, want 230", got, err)
	}
	if calls := stand.State("miestro").Calls["GET /users"]; calls != 3 {
		t.Errorf("got %d calls, want 3 pages of 100", calls)
	}
}

func TestFindEndsWithAListThatDoesNot(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"data":[{"id":1,"email":"x@example.org","role":0}],"last_page":1000000000}`)
	}))
	defer server.Close()
	a, err := miestro.New(config(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Find(t.Context(), vendors.User{Email: "ada@example.org"}); !vendors.IsUnreadable(err) {
		t.Errorf("got %v, want an error of an unreadable response", err)
	}
}

func TestCreate(t *testing.T) {
	a, stand := adapter(t, sandbox.Config{})
	got, err := a.Create(t.Context(), origin, vendors.User{ID: "u1", Email: "Ada@Example.org", FirstName: "Ada", LastName: "Lovelace"})
	if err != nil || got.ID != "1" {
		t.Fatalf("got %v, %v", got, err)
	}
	want := sandbox.User{ID: "1", Email: "ada@example.org", Name: "Ada Lovelace", Creates: 1}
	if users := stand.State("miestro").Users; len(users) != 1 || users[0] != want {
		t.Errorf("got %+v, want %+v", users, want)
	}
}

func TestCreateWhereTheEmailIsTaken(t *testing.T) {
	for _, answer := range []string{"422", "409", "400", "existing"} {
		t.Run(answer, func(t *testing.T) {
			a, stand := adapter(t, sandbox.Config{Switches: sandbox.Switches{DuplicateEmail: answer}})
			there := add(t.Context(), t, a, "ada+x@example.org", miestro.RoleUser)
			got, err := a.Create(t.Context(), origin, vendors.User{ID: "u1", Email: "ada+x@example.org"})
			there.Existed = answer != "existing" // such a response says nothing of it
			if err != nil || got != there {
				t.Errorf("got %v, %v, want %v", got, err, there)
			}
			if n := len(stand.State("miestro").Users); n != 1 {
				t.Errorf("got %d users, want 1", n)
			}
		})
	}
}

func TestCreateThatIsRefusedForGood(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"data":[],"last_page":1}`)
			return
		}
		w.WriteHeader(http.StatusUnprocessableEntity)
	}))
	defer server.Close()
	a, err := miestro.New(config(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Create(t.Context(), origin, vendors.User{ID: "u1", Email: "ada@example.org"})
	if vendors.ClassOf(err) != vendors.Permanent || vendors.StatusOf(err) != http.StatusUnprocessableEntity {
		t.Errorf("got %v, want the 422 as permanent", err)
	}
}

func TestCreateDoesNotTakeAnotherUser(t *testing.T) {
	answers := map[string]string{
		"another e-mail": `{"id":7,"email":"ada@example.org.uk","role":0}`,
		"no id":          `{"email":"ada@example.org","role":0}`,
		"id 0":           `{"id":0,"email":"ada@example.org"}`,
		"an error":       `{"error":"The email has already been taken."}`,
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
			defer server.Close()
			a, err := miestro.New(config(server.URL))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := a.Create(t.Context(), origin, vendors.User{Email: "ada@example.org"}); !vendors.IsUnknown(err) {
				t.Errorf("got %v, want an Unknown error", err)
			}
		})
	}
}

func TestCreateWithALostAnswerIsFoundAfterwards(t *testing.T) {
	for _, kind := range []sandbox.Kind{sandbox.DropAfter, sandbox.FailAfter} {
		t.Run(string(kind), func(t *testing.T) {
			a, stand := adapter(t, sandbox.Config{})
			if err := stand.Box.Next("miestro", sandbox.Fault{Kind: kind, On: "POST /users"}); err != nil {
				t.Fatal(err)
			}
			u := vendors.User{ID: "u1", Email: "ada+x@example.org"}
			if _, err := a.Create(t.Context(), origin, u); !vendors.IsUnknown(err) {
				t.Fatalf("got %v, want an Unknown error", err)
			}
			if got, err := a.Find(t.Context(), u); err != nil || got.ID != "1" {
				t.Errorf("got %v, %v, want 1", got, err)
			}
			if calls := stand.State("miestro").Calls["POST /users"]; calls != 1 {
				t.Errorf("got %d creates, want 1", calls)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	for _, second := range []string{"404", "200"} {
		t.Run("second answers "+second, func(t *testing.T) {
			a, stand := adapter(t, sandbox.Config{Switches: sandbox.Switches{SecondDelete: second}})
			acc := add(t.Context(), t, a, "ada@example.org", miestro.RoleUser)
			for range 2 {
				if err := a.Delete(t.Context(), origin, acc); err != nil {
					t.Fatal(err)
				}
			}
			if live := stand.State("miestro").Live(); len(live) != 0 {
				t.Errorf("got %+v, want nobody", live)
			}
		})
	}
}

func TestDeleteAfterALostAnswer(t *testing.T) {
	a, stand := adapter(t, sandbox.Config{})
	acc := add(t.Context(), t, a, "ada@example.org", miestro.RoleUser)
	if err := stand.Box.Next("miestro", sandbox.Fault{Kind: sandbox.DropAfter, On: "DELETE /users/{id}"}); err != nil {
		t.Fatal(err)
	}
	if err := a.Delete(t.Context(), origin, acc); !vendors.IsUnanswered(err) {
		t.Errorf("got %v, want that there was no answer: the deletion may land later", err)
	}
	if err := a.Delete(t.Context(), origin, acc); err != nil {
		t.Errorf("got %v, want the repeat to take 404 for done", err)
	}
}

func TestStaffStaysAsItIs(t *testing.T) {
	for _, role := range []miestro.Role{miestro.RoleOwner, miestro.RoleAdmin, miestro.RoleAssistant, miestro.RoleSupportSpecialist} {
		a, stand := adapter(t, sandbox.Config{})
		acc := add(t.Context(), t, a, "boss@example.org", role)
		for op, err := range map[string]error{
			"delete": a.Delete(t.Context(), origin, acc),
			"update": a.Update(t.Context(), origin, acc, vendors.User{Email: "ada@example.org"}),
		} {
			if vendors.ClassOf(err) != vendors.Permanent || !strings.Contains(fmt.Sprint(err), op+": staff is never changed: the account has role") {
				t.Errorf("role %d: got %v, want a permanent error", role, err)
			}
		}
		if calls := stand.State("miestro").Calls; calls["DELETE /users/{id}"] != 0 || calls["PUT /users/{id}"] != 0 {
			t.Errorf("role %d: got calls %v, want no deletion and no update", role, calls)
		}
	}
}

func TestDeleteAndUpdateNeedToKnowTheRole(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("got %s, want nothing to be changed", r.Method)
		}
		fmt.Fprint(w, `{"id":7,"email":"ada@example.org"}`)
	}))
	defer server.Close()
	a, err := miestro.New(config(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Delete(t.Context(), origin, vendors.Account{ID: "7"}); err == nil {
		t.Error("delete: got success, want an error")
	}
	if err := a.Update(t.Context(), origin, vendors.Account{ID: "7"}, vendors.User{Email: "king@example.org"}); err == nil {
		t.Error("update: got success, want an error")
	}
}

func TestStorm(t *testing.T) {
	vendortest.Storm(t, "miestro", func(s vendors.Settings) (vendors.Adapter, error) {
		c := config(s.BaseURL)
		c.Settings = s
		return miestro.New(c)
	})
}

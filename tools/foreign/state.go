package foreign

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/usherhq/usher/vendors/sandbox"
)

// State returns the accounts and the memberships at a server, read without the client of Usher.
func State(ctx context.Context, server http.Handler) (state sandbox.VendorState, _ error) {
	var users struct {
		TotalResults int
		Resources    []struct {
			ID, ExternalID, UserName string
			Active                   bool
			Name                     struct{ GivenName, FamilyName string }
		}
	}
	if err := get(ctx, server, "/Users?count=1000", &users); err != nil {
		return state, err
	}
	if len(users.Resources) != users.TotalResults {
		return state, fmt.Errorf("the server shows %d of %d users", len(users.Resources), users.TotalResults)
	}
	for _, u := range users.Resources {
		state.Users = append(state.Users, sandbox.User{
			ID: u.ID, External: u.ExternalID, Email: u.UserName, Name: u.Name.GivenName + " " + u.Name.FamilyName, Deleted: !u.Active,
		})
	}
	for _, id := range Groups {
		var group struct{ Members []struct{ Value string } }
		if err := get(ctx, server, "/Groups/"+id, &group); err != nil {
			return state, err
		}
		for _, m := range group.Members {
			state.Enrollments = append(state.Enrollments, sandbox.Enrollment{UserID: m.Value, CourseID: id, Active: true, Applied: 1})
		}
	}
	return state, nil
}

// get reads a resource.
func get(ctx context.Context, server http.Handler, path string, out any) error {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+Token)
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return fmt.Errorf("GET %s: status %d", path, w.Code)
	}
	return json.Unmarshal(w.Body.Bytes(), out)
}

// Disturbed returns a handler that loses a share of the calls or of their responses: with a status
// of 503 or 500, or by a closed connection.
func Disturbed(server http.Handler, seed uint64, share float64) http.Handler {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 7))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		hit, kind := random.Float64() < share, random.IntN(4)
		mu.Unlock()
		switch {
		case !hit:
			server.ServeHTTP(w, r)
			return
		case kind >= 2: // the call is made
			server.ServeHTTP(httptest.NewRecorder(), r)
		}
		if kind%2 == 1 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader([]int{http.StatusServiceUnavailable, http.StatusInternalServerError}[kind/2])
	})
}

package sandbox

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Credentials of the fake Meiro. The static access token never expires.
const (
	MeiroEmail       = "usher@example.org"
	MeiroPassword    = "sandbox-meiro-password"
	MeiroAccessToken = "sandbox-meiro-token"
	MeiroCollectPath = "/meiro/collect/usher" // of a Pipes source; any slug except WrongCredential works
)

const (
	meiroTokenLife = 8 * time.Hour
	meiroGrace     = 4 * time.Hour // time after expiry during which a token can be refreshed
	meiroPage      = 20            // by default
	meiroPageMost  = 100
)

// meiro is a fake of the Meiro ME API and of the collect endpoint of Pipes.
type meiro struct {
	loginGuard

	config Config
	random *rand.Rand
	users  []*meiroUser
	pipes  pipes
}

// meiroUser is a user in Meiro's form, with counts for the State.
type meiroUser struct {
	ID       string `json:"id"`
	Email    string `json:"email"`
	Deleted  bool   `json:"deleted"`
	SSO      bool   `json:"sso_enabled"`
	password string
	staff    bool // logged in

	creates, updates, resets, erases, restores int
}

// meiroWrite is the body of every call that writes a user.
type meiroWrite struct {
	Email    *string `json:"email"`
	Password *string `json:"password"`
	SSO      *bool   `json:"sso_enabled"`
	Old      *string `json:"old_password"`
	New      *string `json:"new_password"`
	Token    string  `json:"token"`
}

func newMeiro(c Config) *meiro {
	m := &meiro{config: c, random: rand.New(rand.NewPCG(c.Seed, pcgStream))}
	m.sessions = newSessions(c, meiroTokenLife, "meiro-%06d")
	m.pipes.seen = map[string]int{}
	m.add(MeiroEmail, MeiroPassword).staff = true
	return m
}

func (m *meiro) name() string { return "meiro" }

func (m *meiro) base() string { return "/meiro" }

func (m *meiro) creations() []string { return []string{"POST /users", "POST /users/create_or_restore"} }

func (m *meiro) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"POST /users/login":                m.open(m.logIn),
		"PATCH /users/login":               m.open(m.refresh),
		"DELETE /users/login":              m.authed(m.logOut),
		"GET /users":                       m.authed(m.list(false)),
		"GET /users/trash":                 m.authed(m.list(true)),
		"POST /users":                      m.authed(m.create(false)),
		"POST /users/create_or_restore":    m.authed(m.create(true)),
		"GET /users/{id}":                  m.authed(m.retrieve),
		"PATCH /users/{id}":                m.authed(m.modify),
		"DELETE /users/{id}":               m.authed(m.erase),
		"PATCH /users/trash/{id}":          m.authed(m.restore),
		"POST /users/{id}/change_password": m.authed(m.changePassword),
		"POST /collect/{slug}":             m.open(m.pipes.collect),
	}
}

// authed admits calls with a token. The form of the error is undocumented.
func (m *meiro) authed(next http.HandlerFunc) http.HandlerFunc {
	return m.only(func(r *http.Request) bool {
		token := r.Header.Get("X-Access-Token")
		return token == MeiroAccessToken || m.sessions.valid(token, 0)
	}, object{"message": "Token is not valid"}, next)
}

// logIn accepts any e-mail and password, and adds the operator.
func (m *meiro) logIn(w http.ResponseWriter, r *http.Request) {
	var in meiroWrite
	if !decode(r, &in) || in.Email == nil || in.Password == nil || !validCredential(*in.Email) || !validCredential(*in.Password) {
		answer(w, http.StatusUnauthorized, object{"message": "Invalid credentials have been provided"})
		return
	}
	u := m.byEmail(*in.Email, false)
	if u == nil {
		u = m.add(*in.Email, *in.Password)
	}
	u.staff = true
	answer(w, http.StatusOK, object{"token": m.sessions.give(u.ID)})
}

func (m *meiro) refresh(w http.ResponseWriter, r *http.Request) {
	var in meiroWrite
	if !decode(r, &in) || !m.sessions.valid(in.Token, meiroGrace) {
		answer(w, http.StatusUnauthorized, object{"message": "Token is too old for refresh"})
		return
	}
	user := m.sessions.tokens[in.Token].user
	delete(m.sessions.tokens, in.Token)
	answer(w, http.StatusOK, object{"token": m.sessions.give(user)})
}

func (m *meiro) logOut(w http.ResponseWriter, r *http.Request) {
	delete(m.sessions.tokens, r.Header.Get("X-Access-Token"))
	answer(w, http.StatusOK, object{})
}

// list answers with the users in the trash, or with the others.
func (m *meiro) list(trash bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		limit, offset := min(positive(q.Get("limit"), meiroPage), meiroPageMost), positive(q.Get("offset"), 0)
		direction := "ASC"
		if q.Get("order_dir") == "DESC" {
			direction = "DESC"
		}
		hits := []*meiroUser{}
		for _, u := range m.users {
			if u.Deleted == trash {
				hits = append(hits, u)
			}
		}
		slices.SortFunc(hits, func(a, b *meiroUser) int { return strings.Compare(a.ID, b.ID) })
		if direction == "DESC" {
			slices.Reverse(hits)
		}
		from := min(offset, len(hits))
		answer(w, http.StatusOK, object{
			"users":              hits[from:min(from+limit, len(hits))],
			"selection_settings": object{"limit": limit, "offset": offset, "order_by": "id", "order_dir": direction},
		})
	}
}

// add creates a user with a random UUID, because Meiro's ids have no order in time.
func (m *meiro) add(email, password string) *meiroUser {
	a, b := m.random.Uint64(), m.random.Uint64()
	id := fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0xfff, b&0xffffffffffff)
	u := &meiroUser{ID: id, Email: email, password: password}
	m.users = append(m.users, u)
	return u
}

func (m *meiro) byEmail(email string, trash bool) *meiroUser {
	for _, u := range m.users {
		if u.Deleted == trash && strings.EqualFold(u.Email, email) {
			return u
		}
	}
	return nil
}

func (m *meiro) state() VendorState {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := m.pipes.state()
	var operators []User
	for _, u := range m.users {
		operators = append(operators, User{
			ID: u.ID, Kind: "operator", Email: u.Email, Staff: u.staff,
			Deleted: u.Deleted, Creates: u.creates, Updates: u.updates, Resets: u.resets, Deletes: u.erases, Restores: u.restores,
		})
	}
	state.Users = append(operators, state.Users...)
	return state
}

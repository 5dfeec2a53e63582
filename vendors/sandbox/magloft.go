package sandbox

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// magloft is a fake of the MagLoft Portal API: clients, readers and custom subscriptions. Every
// app id is accepted, with its own readers.
type magloft struct {
	guard

	config  Config
	clients []*magloftClient // by id: clients[0] has id 1
	readers []*magloftReader // by id
	subs    []*magloftSub    // by id
}

// magloftClient is a portal editor in MagLoft's form, with counts for the State.
type magloftClient struct {
	ID          int      `json:"id"`
	Firstname   string   `json:"firstname"`
	Lastname    string   `json:"lastname"`
	Email       string   `json:"email"`
	CreatedAt   string   `json:"created_at"`
	UpdatedAt   string   `json:"updated_at"`
	LastSeenAt  *string  `json:"last_seen_at"`
	SignInCount int      `json:"sign_in_count"`
	GravatarURL string   `json:"gravatar_url"`
	Roles       []object `json:"roles"`

	deleted bool

	creates, updates, resets, erases int
}

func newMagLoft(c Config) *magloft { return &magloft{config: c} }

func (m *magloft) name() string { return "magloft" }

func (m *magloft) base() string { return "/magloft/api/portal/v1" }

func (m *magloft) creations() []string { return []string{"POST /clients/{$}", "POST /readers/{app}"} }

func (m *magloft) routes() map[string]http.HandlerFunc {
	routes := map[string]http.HandlerFunc{
		"GET /clients/{$}":           m.listClients,
		"GET /clients/page/{page}":   m.listClients,
		"POST /clients/{$}":          m.createClient,
		"GET /clients/{id}":          m.withClient(m.showClient),
		"PUT /clients/{id}":          m.withClient(m.updateClient),
		"DELETE /clients/{id}":       m.deleteClient,
		"GET /clients/{id}/{action}": m.withClient(m.become), // {action} distinguishes the route from the pages

		"GET /readers/{app}":               m.listReaders,
		"GET /readers/{app}/page/{page}":   m.pageReaders,
		"GET /readers/{app}/{key}":         m.withReader(m.showReader),
		"POST /readers/{app}":              m.createReader,
		"PUT /readers/{app}/{key}":         m.withReader(m.updateReader),
		"DELETE /readers/{app}/{key}":      m.deleteReader,
		"POST /readers/{app}/{key}/unlock": m.withReader(m.unlock),

		"GET /custom_subscriptions/{app}":             m.listSubs,
		"GET /custom_subscriptions/{app}/page/{page}": m.listSubs,
		"GET /custom_subscriptions/{app}/{key}":       m.withSub(m.showSub),
		"POST /custom_subscriptions/{app}":            m.subscribe,
		"PUT /custom_subscriptions/{app}/{key}":       m.withSub(m.updateSub),
		"DELETE /custom_subscriptions/{app}/{key}":    m.withSub(m.deleteSub),
	}
	for pattern, handle := range routes {
		routes[pattern] = m.signed(handle)
	}
	return routes
}

// signed admits calls with a token.
func (m *magloft) signed(next http.HandlerFunc) http.HandlerFunc {
	return m.only(func(r *http.Request) bool { return validCredential(r.Header.Get("X-Magloft-Accesstoken")) }, object{"error": "401 Unauthorised"}, next)
}

// refuse answers with an error in the form of a Grape API.
func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, object{"error": message})
}

// page answers with one page of the records; MagLoft has the page number in the path.
func page[T any](w http.ResponseWriter, r *http.Request, records []T) {
	number := positive(r.PathValue("page"), 1)
	shown := append([]T{}, span(records, number, positive(r.URL.Query().Get("per_page"), 25))...)
	answer(w, http.StatusOK, object{"total": len(records), "page": number, "records": shown})
}

// ordered sorts records by order_by and order_dir: by email, or else by id.
func ordered[T any](q url.Values, records []T, id func(T) int, email func(T) string) []T {
	slices.SortStableFunc(records, func(a, b T) int {
		order := cmp.Compare(id(a), id(b))
		if q.Get("order_by") == "email" {
			order = cmp.Compare(email(a), email(b))
		}
		if q.Get("order_dir") == "desc" {
			return -order
		}
		return order
	})
	return records
}

func (m *magloft) listClients(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var hits []*magloftClient
	for _, c := range m.clients {
		if !c.deleted && containsFold(c.Email+" "+c.Firstname+" "+c.Lastname, q.Get("filter")) {
			hits = append(hits, c)
		}
	}
	page(w, r, ordered(q, hits, func(c *magloftClient) int { return c.ID }, func(c *magloftClient) string { return c.Email }))
}

func (m *magloft) createClient(w http.ResponseWriter, r *http.Request) {
	var in struct{ Email, Firstname, Lastname, Password string }
	if !decode(r, &in) || in.Email == "" || in.Firstname == "" || in.Password == "" {
		refuse(w, http.StatusBadRequest, "email, firstname, password is missing")
		return
	}
	at := slices.IndexFunc(m.clients, func(c *magloftClient) bool { return !c.deleted && strings.EqualFold(c.Email, in.Email) })
	if at >= 0 && m.config.Switches.DuplicateEmail != "second" {
		if status, refused := m.config.Switches.taken(); refused {
			refuse(w, status, "Email has already been taken")
			return
		}
		m.clients[at].creates++
		answer(w, http.StatusOK, m.clients[at])
		return
	}
	c := &magloftClient{
		ID: len(m.clients) + 1, Firstname: in.Firstname, Lastname: in.Lastname, Email: in.Email, creates: 1,
		CreatedAt: m.config.now(), UpdatedAt: m.config.now(), GravatarURL: "//secure.gravatar.com/avatar/0", Roles: []object{},
	}
	m.clients = append(m.clients, c)
	answer(w, http.StatusCreated, c)
}

func (m *magloft) withClient(next func(http.ResponseWriter, *http.Request, *magloftClient)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if id := positive(r.PathValue("id"), 0); id > 0 && id <= len(m.clients) && !m.clients[id-1].deleted {
			next(w, r, m.clients[id-1])
			return
		}
		refuse(w, http.StatusNotFound, "Couldn't find Client")
	}
}

func (m *magloft) showClient(w http.ResponseWriter, _ *http.Request, c *magloftClient) {
	answer(w, http.StatusOK, c)
}

func (m *magloft) updateClient(w http.ResponseWriter, r *http.Request, c *magloftClient) {
	var in struct {
		Firstname, Lastname, Password *string
		Confirmation                  *string `json:"password_confirmation"`
	}
	if !decode(r, &in) {
		refuse(w, http.StatusBadRequest, "the body is invalid")
		return
	}
	if in.Firstname != nil {
		c.Firstname = *in.Firstname
	}
	if in.Lastname != nil {
		c.Lastname = *in.Lastname
	}
	if in.Password != nil {
		c.resets++
	}
	c.updates++
	c.UpdatedAt = m.config.now()
	answer(w, http.StatusOK, nil)
}

func (m *magloft) deleteClient(w http.ResponseWriter, r *http.Request) {
	id := positive(r.PathValue("id"), 0)
	if id < 1 || id > len(m.clients) || (m.clients[id-1].deleted && m.config.Switches.SecondDelete == "404") {
		refuse(w, http.StatusNotFound, "Couldn't find Client")
		return
	}
	m.clients[id-1].deleted = true
	m.clients[id-1].erases++
	w.WriteHeader(http.StatusNoContent)
}

// become answers null, like the document's sample, and counts as a sign-in.
func (m *magloft) become(w http.ResponseWriter, r *http.Request, c *magloftClient) {
	if r.PathValue("action") != "become" {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	c.SignInCount++
	answer(w, http.StatusOK, nil)
}

func (m *magloft) state() VendorState {
	m.mu.Lock()
	defer m.mu.Unlock()
	var state VendorState
	for _, c := range m.clients {
		state.Users = append(state.Users, User{
			ID: strconv.Itoa(c.ID), Kind: "client", Email: c.Email, Name: strings.TrimSpace(c.Firstname + " " + c.Lastname),
			Deleted: c.deleted, Creates: c.creates, Updates: c.updates, Resets: c.resets, Deletes: c.erases,
		})
	}
	for _, r := range m.readers {
		state.Users = append(state.Users, User{
			ID: strconv.Itoa(r.ID), Kind: "reader", External: r.Custom["external_id"], Email: r.Email,
			Name: strings.TrimSpace(r.Name + " " + r.Lastname), Deleted: r.deleted,
			Creates: r.creates, Updates: r.updates, Resets: r.resets, Deletes: r.erases,
		})
	}
	for _, s := range m.subs {
		state.Enrollments = append(state.Enrollments, s.enrollments()...)
	}
	return state
}

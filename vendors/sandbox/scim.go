package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Credentials of the fake SCIM server; any others except WrongCredential are accepted too.
const (
	SCIMToken        = "sandbox-scim-token"
	SCIMClientID     = "sandbox-scim-client"
	SCIMClientSecret = "sandbox-scim-secret"
	SCIMTokenPath    = "/token"    // below the base URL; issues tokens by client credentials
	SCIMStaff        = "Admin"     // userType of a staff member
	scimGroups       = 50          // ids 1 to 50
	scimTokenLife    = time.Hour   // of an issued token
	scimIssued       = "scim-jwt-" // begins an issued token
	scimPage         = 100         // default size of a page
)

// The URNs of SCIM.
const (
	scimUserSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	scimGroupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group"
	scimListSchema  = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	scimErrorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// SCIMSwitches returns the values of each switch of the fake SCIM server, the default first. Each
// value but the default is the behaviour of servers in the field.
func SCIMSwitches() map[string][]string {
	return map[string][]string{
		"taken":       {"409", "bare", "400", "500", "second"},                       // answer to a taken userName; bare: 409 without a body
		"hidden":      {"no", "yes"},                                                 // whether look-ups leave out accounts made by hand
		"nobody":      {"empty", "null", "missing"},                                  // Resources of an empty list
		"patch":       {"ok", "501", "405", "ignored", "active"},                     // PATCH of users; active: of that attribute only
		"put":         {"ok", "405", "ignored"},                                      // PUT of users
		"pages":       {"index", "cut", "cursor", "one", "zero", "turning", "stuck"}, // see scimPages
		"gone":        {"json", "html"},                                              // answer to a missing resource
		"delete":      {"ok", "disable", "ignored", "405"},                           // DELETE of users
		"attributes":  {"camel", "lower"},                                            // names of attributes in answers
		"booleans":    {"json", "text"},                                              // booleans in answers
		"filter":      {"ok", "ignored", "user_name", "contains"},                    // filters of users
		"external_id": {"kept", "dropped"},                                           // whether externalId is stored
		"members":     {"group", "hidden", "user"},                                   // where members are shown
		"membership":  {"ok", "ignored", "501"},                                      // PATCH of groups
		"provider":    {"ok", "404", "html", "lies"},                                 // ServiceProviderConfig; lies: PATCH is not supported
		"etag":        {"none", "version"},                                           // version: a change needs If-Match
		"media":       {"any", "application/json", "application/scim+json"},          // accepted media type of bodies
		"user_agent":  {"any", "required"},                                           // whether a call needs a User-Agent of its own
	}
}

// scim is a fake of a SCIM 2.0 server.
type scim struct {
	loginGuard

	config   Config
	switches map[string]string
	users    []*scimUser // by id: users[0] has id 1
	enrolled []Enrollment
	lists    int // lists answered so far
}

// scimUser is a user with all attributes in SCIM's form, with counts for the State.
type scimUser struct {
	id      int
	attrs   object
	deleted bool
	byHand  bool
	version int

	creates, updates, erases, restores int
}

func newSCIM(c Config) *scim {
	s := &scim{config: c, switches: map[string]string{}}
	for name, values := range SCIMSwitches() {
		s.switches[name] = values[0]
	}
	maps.Copy(s.switches, c.Switches.SCIM)
	s.sessions = newSessions(c, scimTokenLife, scimIssued+"%d")
	return s
}

// checkSCIM returns an error for each unknown switch and value.
func checkSCIM(chosen map[string]string) (faults []error) {
	known := SCIMSwitches()
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		switch values, ok := known[name]; {
		case !ok:
			faults = append(faults, fmt.Errorf("scim: %q is none of %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		case !slices.Contains(values, chosen[name]):
			faults = append(faults, fmt.Errorf("scim: %s: %q is none of %s", name, chosen[name], strings.Join(values, ", ")))
		}
	}
	return faults
}

// is reports whether a switch has the value.
func (s *scim) is(name, value string) bool { return s.switches[name] == value }

func (s *scim) name() string { return "scim" }

func (s *scim) base() string { return "/scim/v2" }

func (s *scim) creations() []string { return []string{"POST /Users"} }

func (s *scim) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"POST " + SCIMTokenPath:      s.open(s.issue),
		"GET /ServiceProviderConfig": s.signed(s.showProvider),
		"GET /Users":                 s.signed(s.listUsers),
		"POST /Users":                s.signed(s.addUser),
		"GET /Users/{id}":            s.signed(s.withUser(s.showUser)),
		"PATCH /Users/{id}":          s.signed(s.withUser(s.patchUser)),
		"PUT /Users/{id}":            s.signed(s.withUser(s.putUser)),
		"DELETE /Users/{id}":         s.signed(s.deleteUser),
		"GET /Groups":                s.signed(s.listGroups),
		"GET /Groups/{id}":           s.signed(s.withGroup(s.showGroup)),
		"PATCH /Groups/{id}":         s.signed(s.withGroup(s.patchGroup)),
	}
}

// signed admits calls with a token, the wanted media type and the wanted User-Agent.
func (s *scim) signed(next http.HandlerFunc) http.HandlerFunc {
	return s.open(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		media, wanted := r.Header.Get("Content-Type"), s.switches["media"]
		switch {
		case !validCredential(token), strings.HasPrefix(token, scimIssued) && !s.sessions.valid(token, 0):
			s.refuse(w, http.StatusUnauthorized, "", "the token is not valid")
		case wanted != "any" && media != "" && media != wanted:
			s.refuse(w, http.StatusUnsupportedMediaType, "", "the body must be "+wanted)
		case s.is("user_agent", "required") && (r.UserAgent() == "" || r.UserAgent() == "usher"):
			s.refuse(w, http.StatusForbidden, "", "the request needs a User-Agent of its own")
		default:
			next(w, r)
		}
	})
}

// issue answers a request for a token, with the client in the header or in the body.
func (s *scim) issue(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if r.PostFormValue("grant_type") != "client_credentials" {
		answer(w, http.StatusBadRequest, object{"error": "unsupported_grant_type"})
		return
	}
	if !validCredential(id) || !validCredential(secret) {
		answer(w, http.StatusUnauthorized, object{"error": "invalid_client"})
		return
	}
	answer(w, http.StatusOK, object{"access_token": s.sessions.give(id), "token_type": "Bearer", "expires_in": int(scimTokenLife / time.Second)})
}

func (s *scim) state() VendorState {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := VendorState{Enrollments: slices.Clone(s.enrolled)}
	for _, u := range s.users {
		state.Users = append(state.Users, User{
			ID: u.text(), External: text(u.attrs["externalId"]), Email: text(u.attrs["userName"]),
			Name:  fullName(u.name("givenName"), u.name("familyName")),
			Staff: text(u.attrs["userType"]) == SCIMStaff, Deleted: u.deleted || !u.active(), Creates: u.creates, Updates: u.updates, Deletes: u.erases, Restores: u.restores,
			Phone: u.first("phoneNumbers"), Locale: text(u.attrs["locale"]), TimeZone: text(u.attrs["timezone"]),
		})
	}
	return state
}

// changeManually adds a user, sets active to false or true, or deletes the user for good.
func (s *scim) changeManually(a ManualAction, email string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.creates() {
		u := s.add(object{"userName": email, "name": object{"givenName": "By", "familyName": "Hand"}})
		u.creates, u.byHand = 0, true
		if a == AddStaff {
			u.attrs["userType"] = SCIMStaff
		}
		return true
	}
	for _, u := range s.users {
		if !u.deleted && a.applies(text(u.attrs["userName"]), email, !u.active()) {
			u.attrs["active"], u.deleted = a == Restore, a == Purge
			return true
		}
	}
	return false
}

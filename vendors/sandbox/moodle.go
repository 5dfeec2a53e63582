package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Credentials and habits of the fake Moodle; any other token except WrongCredential is accepted
// too.
const (
	MoodleToken   = "sandbox-moodle-token"
	MoodleStaff   = "Staff" // department of a staff member
	moodleCourses = 50      // ids 2 to 51; 1 is the front page
	moodleServer  = "/webservice/rest/server.php"
)

// moodle is a fake of Moodle's web service by REST. Every call is a POST of a form, and every
// error is an exception in a 200.
type moodle struct {
	guard

	config   Config
	users    []*moodleUser // by id: users[0] has id 3, behind guest and administrator
	enrolled []Enrollment
}

// moodleUser is a user, with counts for the State.
type moodleUser struct {
	id                                                              int
	username, email, first, last, number, department, phone, locale string
	suspended, deleted                                              bool
	creates, updates, erases                                        int
}

func newMoodle(c Config) *moodle { return &moodle{config: c} }

func (m *moodle) name() string { return "moodle" }

func (m *moodle) base() string { return "/moodle" }

func (m *moodle) creations() []string {
	return []string{"POST " + moodleServer + " core_user_create_users"}
}

func (m *moodle) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{"POST " + moodleServer: m.open(m.serve)}
}

// function returns the function of a call, a part of the operation.
func (m *moodle) function(r *http.Request) string { return r.URL.Query().Get("wsfunction") }

// serve answers a call. A token in the query is refused, since logs of web servers show queries.
func (m *moodle) serve(w http.ResponseWriter, r *http.Request) {
	functions := map[string]func(http.ResponseWriter, *http.Request){
		"core_webservice_get_site_info": m.siteInfo,
		"core_user_create_users":        m.createUser,
		"core_user_get_users":           m.getUsers,
		"core_user_get_users_by_field":  m.getUsersByField,
		"core_user_update_users":        m.updateUser,
		"core_user_delete_users":        m.deleteUser,
		"enrol_manual_enrol_users":      m.enrol,
		"enrol_manual_unenrol_users":    m.unenrol,
		"core_enrol_get_users_courses":  m.coursesOf,
		"core_course_get_courses":       m.courses,
	}
	do, known := functions[m.function(r)]
	switch {
	case r.ParseForm() != nil:
		m.except(w, "invalid_parameter_exception", "invalidparameter", "Invalid parameter value detected")
	case !validCredential(r.PostForm.Get("wstoken")):
		m.except(w, "moodle_exception", "invalidtoken", "Invalid token - token not found")
	case r.URL.Query().Get("moodlewsrestformat") != "json":
		w.Header().Set("Content-Type", "application/xml; charset=utf-8")
		_, _ = w.Write([]byte("<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<RESPONSE></RESPONSE>\n"))
	case !known:
		m.except(w, "dml_missing_record_exception", "invalidrecord", "Can't find data record in database table external_functions.")
	default:
		do(w, r)
	}
}

// except answers with an exception, with status 200.
func (m *moodle) except(w http.ResponseWriter, class, code, message string) {
	answer(w, http.StatusOK, object{"exception": class, "errorcode": code, "message": message})
}

// refuse answers with the exception for an invalid value. Moodle says more only while debugging is
// on.
func (m *moodle) refuse(w http.ResponseWriter, more string) {
	answer(w, http.StatusOK, object{
		"exception": "invalid_parameter_exception", "errorcode": "invalidparameter", "message": "Invalid parameter value detected", "debuginfo": more,
	})
}

func (m *moodle) siteInfo(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, object{"sitename": "Sandbox", "username": "usher", "userid": 2, "release": "4.5 (Build: 20241007)", "functions": []any{}})
}

func (m *moodle) courses(w http.ResponseWriter, _ *http.Request) {
	list := []object{{"id": 1, "shortname": "sandbox", "fullname": "Sandbox", "visible": 1}}
	for n := range moodleCourses {
		name := "Course " + strconv.Itoa(n+2)
		list = append(list, object{"id": n + 2, "shortname": name, "fullname": name, "visible": 1})
	}
	answer(w, http.StatusOK, list)
}

// user returns the user with the id, or nil.
func (m *moodle) user(id string) *moodleUser {
	for _, u := range m.users {
		if strconv.Itoa(u.id) == id && !u.deleted {
			return u
		}
	}
	return nil
}

// resource returns the user in Moodle's form; empty fields are left out.
func (u *moodleUser) resource() object {
	out := object{
		"id": u.id, "username": u.username, "fullname": fullName(u.first, u.last), "email": u.email, "auth": "manual", "suspended": u.suspended,
		"confirmed": true, "lang": u.locale, "mailformat": 1, "profileimageurl": "https://moodle.example/theme/image.php/f1",
	}
	for name, value := range map[string]string{"firstname": u.first, "lastname": u.last, "idnumber": u.number, "department": u.department, "phone1": u.phone} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

func (m *moodle) state() VendorState {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := VendorState{Enrollments: slices.Clone(m.enrolled)}
	for _, u := range m.users {
		state.Users = append(state.Users, User{
			ID: strconv.Itoa(u.id), External: u.number, Email: u.email, Name: fullName(u.first, u.last), Staff: u.department == MoodleStaff,
			Deleted: u.deleted || u.suspended, Creates: u.creates, Updates: u.updates, Deletes: u.erases, Phone: u.phone, Locale: u.locale,
		})
	}
	return state
}

// add adds a user.
func (m *moodle) add(u moodleUser) *moodleUser {
	u.id = len(m.users) + 3
	m.users = append(m.users, &u)
	return &u
}

// changeManually adds a user, suspends or unsuspends, or deletes the user.
func (m *moodle) changeManually(a ManualAction, email string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.creates() {
		u := m.add(moodleUser{username: strings.ToLower(email), email: email, first: "By", last: "Hand"})
		if a == AddStaff {
			u.department = MoodleStaff
		}
		return true
	}
	for _, u := range m.users {
		if !u.deleted && a.applies(u.email, email, u.suspended) {
			u.suspended, u.deleted = a != Restore, a == Purge
			return true
		}
	}
	return false
}

package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// school is the made-up API of testdata/school.yaml.
type school struct {
	mu      sync.Mutex
	users   map[int]map[string]any
	members map[string]bool // course/user
	events  map[string]int  // times by id
	last    int
	creates int
}

func newSchool() *school {
	return &school{users: map[int]map[string]any{}, members: map[string]bool{}, events: map[string]int{}}
}

const token = "school-token-1234"

func (s *school) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("X-Token") != token {
		say(w, http.StatusUnauthorized, map[string]any{"error": "no token"})
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users", s.list)
	mux.HandleFunc("POST /users", s.create)
	mux.HandleFunc("GET /users/{id}", s.user(func(w http.ResponseWriter, _ *http.Request, u map[string]any) {
		say(w, http.StatusOK, map[string]any{"user": u})
	}))
	mux.HandleFunc("PATCH /users/{id}", s.user(s.patch))
	mux.HandleFunc("DELETE /users/{id}", s.user(func(w http.ResponseWriter, _ *http.Request, u map[string]any) {
		delete(s.users, u["id"].(int))
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.HandleFunc("GET /courses", func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusOK, map[string]any{"courses": []any{map[string]any{"id": 101, "name": "Go"}}})
	})
	mux.HandleFunc("POST /courses/{course}/members", s.enroll)
	mux.HandleFunc("GET /courses/{course}/members/{id}", s.member)
	mux.HandleFunc("DELETE /courses/{course}/members/{id}", s.unenroll)
	mux.HandleFunc("POST /events", s.track)
	mux.ServeHTTP(w, r)
}

func say(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func bodyOf(r *http.Request) map[string]any {
	body := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&body)
	return body
}

func (s *school) list(w http.ResponseWriter, r *http.Request) {
	q, hits := r.URL.Query(), []any{}
	for id := 1; id <= s.last; id++ {
		u := s.users[id]
		if u == nil || (q.Has("external") && u["external"] != q.Get("external")) || !strings.Contains(u["email"].(string), q.Get("search")) {
			continue
		}
		hits = append(hits, u)
	}
	size, page := 15, 1
	if n, err := strconv.Atoi(q.Get("size")); err == nil {
		size = n
	}
	if n, err := strconv.Atoi(q.Get("page")); err == nil {
		page = n
	}
	from, to := min((page-1)*size, len(hits)), min(page*size, len(hits))
	say(w, http.StatusOK, map[string]any{"users": hits[from:to], "total": len(hits), "pages": (len(hits) + size - 1) / size})
}

func (s *school) create(w http.ResponseWriter, r *http.Request) {
	u := bodyOf(r)
	for _, other := range s.users {
		if other["email"] == u["email"] {
			say(w, http.StatusConflict, map[string]any{"message": "taken"})
			return
		}
	}
	s.last++
	s.creates++
	u["id"] = s.last
	s.users[s.last] = u
	say(w, http.StatusCreated, map[string]any{"user": u})
}

func (s *school) user(then func(http.ResponseWriter, *http.Request, map[string]any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, _ := strconv.Atoi(r.PathValue("id"))
		u := s.users[id]
		if u == nil {
			say(w, http.StatusNotFound, map[string]any{"message": "no such user"})
			return
		}
		then(w, r, u)
	}
}

func (s *school) patch(w http.ResponseWriter, r *http.Request, u map[string]any) {
	for name, value := range bodyOf(r) {
		u[name] = value
	}
	say(w, http.StatusOK, map[string]any{"user": u})
}

func (s *school) enroll(w http.ResponseWriter, r *http.Request) {
	user, _ := bodyOf(r)["user"].(float64)
	key := r.PathValue("course") + "/" + strconv.Itoa(int(user))
	switch {
	case s.users[int(user)] == nil:
		say(w, http.StatusUnprocessableEntity, map[string]any{"message": "no such user"})
	case s.members[key]:
		say(w, http.StatusConflict, map[string]any{"message": "already"})
	default:
		s.members[key] = true
		say(w, http.StatusOK, map[string]any{})
	}
}

func (s *school) member(w http.ResponseWriter, r *http.Request) {
	say(w, http.StatusOK, map[string]any{"member": s.members[r.PathValue("course")+"/"+r.PathValue("id")]})
}

func (s *school) unenroll(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("course") + "/" + r.PathValue("id")
	if !s.members[key] {
		say(w, http.StatusNotFound, map[string]any{"message": "no such member"})
		return
	}
	delete(s.members, key)
	w.WriteHeader(http.StatusNoContent)
}

func (s *school) track(w http.ResponseWriter, r *http.Request) {
	id, _ := bodyOf(r)["id"].(string)
	s.events[id]++
	say(w, http.StatusOK, map[string]any{})
}

package httpapi

import "net/http"

// methods returns the paths of a call by method.
func (r *Request) methods() map[string]*Path {
	return map[string]*Path{
		http.MethodGet: &r.GET, http.MethodPost: &r.POST, http.MethodPut: &r.PUT, http.MethodPatch: &r.PATCH, http.MethodDelete: &r.DELETE,
	}
}

// call returns the method and the path of a call; "" without a path.
func (r *Request) call() (method string, p Path) {
	for name, one := range r.methods() {
		if one.set() {
			return name, *one
		}
	}
	return "", Path{}
}

// Serves SCIM 2.0 by the packages scimmy and scimmy-routers on loopback, and prints the address. The
// header X-Store names a store of its own: a set of users and the groups, kept in memory. The
// arguments are the bearer token and the ids of the groups.

import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [token, ...groups] = process.argv.slice(2);
const stores = new Map();

// storeOf returns the store of a request.
function storeOf(request) {
  const name = request.header("X-Store") ?? "";
  if (!stores.has(name)) {
    const items = groups.map((id) => [id, { id, displayName: `Group ${id}`, members: [] }]);
    stores.set(name, { made: 0, User: new Map(), Group: new Map(items) });
  }
  return stores.get(name);
}

const missing = (id) => new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);

// declare lets a type of resource be kept in the stores.
function declare(type, prefix, unique) {
  SCIMMY.Resources.declare(SCIMMY.Resources[type], {
    egress(resource, store) {
      const items = [...store[type].values()];
      if (!resource.id) return resource.filter ? resource.filter.match(items) : items;
      if (!store[type].has(resource.id)) throw missing(resource.id);
      return store[type].get(resource.id);
    },
    ingress(resource, data, store) {
      const attributes = JSON.parse(JSON.stringify(data));
      for (const [id, other] of store[type]) {
        if (unique && id !== resource.id && other[unique].toLowerCase() === attributes[unique].toLowerCase())
          throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is taken`);
      }
      if (resource.id && !store[type].has(resource.id)) throw missing(resource.id);
      const id = resource.id ?? `${prefix}${++store.made}`;
      store[type].set(id, { ...attributes, id });
      return store[type].get(id);
    },
    degress(resource, store) {
      if (!store[type].delete(resource.id)) throw missing(resource.id);
    },
  });
}

declare("User", "u-", "userName");
declare("Group", "g-", "");

const app = express();
app.use(
  "/scim",
  new SCIMMYRouters({
    type: "bearer",
    handler(request) {
      if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("the token is not valid");
      return "usher";
    },
    context: storeOf,
  }),
);
const server = app.listen(0, "127.0.0.1", () => console.log(`scimmy listens on 127.0.0.1:${server.address().port}`));

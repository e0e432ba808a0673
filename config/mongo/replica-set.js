// Asked by the first member's health check: makes the replica set where there is none, and tells whether it has a primary.
let hello = db.hello();
if (!hello.setName) {
  const members = [1, 2, 3].map((n) => ({ _id: n - 1, host: `mongo${n}:27017`, priority: n === 1 ? 2 : 1 }));
  rs.initiate({ _id: "rs0", members });
  hello = db.hello();
}
quit(hello.isWritablePrimary || (hello.secondary && hello.primary) ? 0 : 1);

// Run by a service that ends: makes the replica set where there is none, and waits for its primary.
if (!db.hello().setName) {
  const members = [1, 2, 3].map((n) => ({ _id: n - 1, host: `mongo${n}:27017`, priority: n === 1 ? 2 : 1 }));
  rs.initiate({ _id: "rs0", members });
}
for (let second = 0; second < 60 && !db.hello().primary; second++) sleep(1000);
quit(db.hello().primary ? 0 : 1);

"""Server logs that nobody tunes on, in the form of `serverlogs_classic`; a template is what the program's own statement
leaves constant."""

# ruff: noqa: E501 -- a template is one line

from __future__ import annotations

MORE = {
    "nginx": """
«ip» - «-|-|user» [«httptime»] "«GET|GET|GET|POST|HEAD» «request» HTTP/1.1" «200|200|304|404» «0..99999» "«-|referer»" "«agent»"
«100..9999»#«100..9999»: *«big» connect() failed (111: Connection refused) while connecting to upstream, client: «ip», server: «host», request: "GET «request» HTTP/1.1", upstream: "http://«ip»:«port»«request»", host: "«host»"
«100..9999»#«100..9999»: *«big» upstream timed out (110: Connection timed out) while reading response header from upstream, client: «ip», server: «host», request: "«GET|POST» «request» HTTP/1.1", upstream: "http://«ip»:«port»«request»", host: "«host»"
«100..9999»#«100..9999»: *«big» open() "«path»" failed (2: No such file or directory), client: «ip», server: «host», request: "GET «request» HTTP/1.1", host: "«host»"
«100..9999»#«100..9999»: *«big» client intended to send too large body: «big» bytes, client: «ip», server: «host», request: "POST «request» HTTP/1.1", host: "«host»"
«100..9999»#«100..9999»: *«big» a client request body is buffered to a temporary file «path»/00000«10000..99999», client: «ip», server: «host», request: "POST «request» HTTP/1.1", host: "«host»"
«100..9999»#«100..9999»: *«big» SSL_do_handshake() failed (SSL: error:«hex8»:SSL routines::unsupported protocol) while SSL handshaking, client: «ip», server: 0.0.0.0:443
«100..9999»#«100..9999»: *«big» access forbidden by rule, client: «ip», server: «host», request: "GET «request» HTTP/1.1", host: "«host»"
«100..9999»#«100..9999»: *«big» limiting requests, excess: «float» by zone "«name»", client: «ip», server: «host», request: "GET «request» HTTP/1.1", host: "«host»"
«100..9999»#«100..9999»: signal process started
«100..9999»#«100..9999»: using the "epoll" event method
«100..9999»#«100..9999»: start worker process «100..9999»
«100..9999»#«100..9999»: worker process «100..9999» exited on signal «9|11»
«100..9999»#«100..9999»: conflicting server name "«host»" on 0.0.0.0:80, ignored
""",
    "postgresql": """
duration: «float» ms  statement: «query»
connection received: host=«ip» port=«port»
connection authorized: user=«user» database=«name» application_name=psql
disconnection: session time: 0:«00..59»:«00..59».«100..999» user=«user» database=«name» host=«ip» port=«port»
checkpoint starting: time
checkpoint starting: wal
checkpoint complete: wrote «1..9999» buffers («float»%); 0 WAL file(s) added, «0..9» removed, «0..9» recycled; write=«float» s, sync=«float» s, total=«float» s; sync files=«1..99», longest=«float» s, average=«float» s; distance=«1..99999» kB, estimate=«1..99999» kB
automatic vacuum of table "«name».public.«name»": index scans: «0..3»
automatic analyze of table "«name».public.«name»" system usage: CPU: user: «float» s, system: «float» s, elapsed: «float» s
password authentication failed for user "«user»"
Connection matched pg_hba.conf line «1..120»: "host all all 0.0.0.0/0 scram-sha-256"
duplicate key value violates unique constraint "«name»_pkey"
Key (id)=(«1..99999») already exists.
relation "«name»" does not exist at character «1..99»
column "«name»" does not exist at character «1..99»
deadlock detected
Process «100..32000» waits for ShareLock on transaction «big»; blocked by process «100..32000».
process «100..32000» still waiting for ShareLock on transaction «big» after «1000..1099».«100..999» ms
process «100..32000» acquired ShareLock on transaction «big» after «1000..9999».«100..999» ms
canceling statement due to statement timeout
canceling statement due to user request
could not receive data from client: Connection reset by peer
unexpected EOF on client connection with an open transaction
terminating connection due to administrator command
database system is ready to accept connections
database system was shut down at «isotime» UTC
temporary file: path "base/pgsql_tmp/pgsql_tmp«100..32000».«0..99»", size «big»
server process (PID «100..32000») was terminated by signal 9: Killed
recovery restart point at «hex1»/«hex8»
remaining connection slots are reserved for non-replication superuser connections
""",
    "redis": """
«1..9» changes in «60|300|900» seconds. Saving...
Background saving started by pid «100..32000»
DB saved on disk
Fork CoW for RDB: current «0..9» MB, peak «0..9» MB, average «0..9» MB
Background saving terminated with success
Accepted «ip»:«port»
Client closed connection id=«1..99999» addr=«ip»:«port» laddr=«ip»:6379 fd=«5..99» name= age=«0..9999» idle=«0..99» flags=N db=0 sub=0 psub=0 cmd=«get|set|hgetall|NULL» user=default
DB 0: «1..999999» keys («0..99999» volatile) in «1024|1048576» slots HT.
«0..99» clients connected («0..3» replicas), «big» bytes in use
Starting automatic rewriting of AOF on «100..200»% growth
Background append only file rewriting started by pid «100..32000»
AOF rewrite child asks to stop sending diffs.
Background AOF rewrite finished successfully
Replica «ip»:6379 asks for synchronization
Full resync requested by replica «ip»:6379
Synchronization with replica «ip»:6379 succeeded
MASTER <-> REPLICA sync: receiving «big» bytes from master to disk
MASTER <-> REPLICA sync: Finished with success
Connection with master lost.
Connecting to MASTER «ip»:6379
Error condition on socket for SYNC: Connection refused
Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down Redis.
WARNING overcommit_memory is set to 0! Background save may fail under low memory condition.
User requested shutdown...
Ready to accept connections
Server initialized
# oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo
Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. Connection from «ip»:«port» aborted.
Can't save in background: fork: Cannot allocate memory
""",
    "kubelet": """
"SyncLoop (PLEG): event for pod" pod="«ns»/«pod»" event={"ID":"«uuid»","Type":"«ContainerStarted|ContainerDied»","Data":"«hex64»"}
"Error syncing pod, skipping" err="«poderror»" pod="«ns»/«pod»" podUID="«uuid»"
"RemoveContainer" containerID="«hex64»"
"Probe failed" probeType="«Readiness|Liveness»" pod="«ns»/«pod»" podUID="«uuid»" containerName="«word»" probeResult="failure" output="«probeoutput»"
"operationExecutor.MountVolume started for volume \\"kube-api-access-«hex5»\\" (UniqueName: \\"kubernetes.io/projected/«uuid»-kube-api-access-«hex5»\\") pod \\"«pod»\\" (UID: \\"«uuid»\\") "
"MountVolume.SetUp succeeded for volume \\"kube-api-access-«hex5»\\" (UniqueName: \\"kubernetes.io/projected/«uuid»-kube-api-access-«hex5»\\") pod \\"«pod»\\" (UID: \\"«uuid»\\") "
"UnmountVolume.TearDown succeeded for volume \\"kubernetes.io/projected/«uuid»-kube-api-access-«hex5»\\" (OuterVolumeSpecName: \\"kube-api-access-«hex5»\\") pod \\"«uuid»\\" (UID: \\"«uuid»\\"). InnerVolumeSpecName \\"kube-api-access-«hex5»\\". PluginName \\"kubernetes.io/projected\\", VolumeGidValue \\"\\""
"SyncLoop «ADD|UPDATE|DELETE»" source="api" pods=["«ns»/«pod»"]
"Killing container with a grace period" pod="«ns»/«pod»" podUID="«uuid»" containerName="«word»" containerID="containerd://«hex64»" gracePeriod=«10|30|60»
"No sandbox for pod can be found. Need to start a new one" pod="«ns»/«pod»"
"Image garbage collection succeeded"
"Eviction manager: attempting to reclaim" resourceName="«memory|ephemeral-storage»"
"Failed to update lease" err="Put \\"https://«ip»:6443/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/«host»?timeout=10s\\": net/http: request canceled (Client.Timeout exceeded while awaiting headers)"
"Node status updated" node="«host»"
"Observed pod startup duration" pod="«ns»/«pod»" podStartSLOduration=«float» podStartE2EDuration="«float»s" firstStartedPulling="«isotime».«100000..999999» +0000 UTC m=+«float»" observedRunningTime="«isotime».«100000..999999» +0000 UTC m=+«float»"
""",
    "systemd": """
Started «unit».service - «sentence».
Stopped «unit».service - «sentence».
Starting «unit».service - «sentence»...
«unitfile»: Deactivated successfully.
«unit».service: Consumed «float»s CPU time.
«unit».service: Main process exited, code=«exited|killed», status=«1/FAILURE|2/INVALIDARGUMENT|203/EXEC|9/KILL|15/TERM|11/SEGV»
«unit».service: Failed with result '«exit-code|signal|timeout|oom-kill»'.
«unit».service: Scheduled restart job, restart counter is at «1..999».
«unit».service: Start request repeated too quickly.
Failed to start «unit».service - «sentence».
Created slice user-«1000..1999».slice - User Slice of UID «1000..1999».
Removed slice user-«1000..1999».slice - User Slice of UID «1000..1999».
Started session-«1..9999».scope - Session «1..9999» of User «user».
New session «1..9999» of user «user».
Removed session «1..9999».
Session «1..9999» logged out. Waiting for processes to exit.
Mounting «path»...
Mounted «path».
Reached target «Multi-User System|Timers|Network is Online».
Reloading.
System time changed, resyncing.
Time has been changed
Journal started
Runtime Journal (/run/log/journal/«hex32») is «kb», max «kb», «kb» free.
Vacuuming done, freed «kb» of archived journals from /var/log/journal/«hex32».
Server address «ip», received timeout
""",
    "rabbitmq": """
accepting AMQP connection <0.«100..99999».0> («ip»:«port» -> «ip»:5672)
connection <0.«100..99999».0> («ip»:«port» -> «ip»:5672): user '«user»' authenticated and granted access to vhost '/'
closing AMQP connection <0.«100..99999».0> («ip»:«port» -> «ip»:5672, vhost: '/', user: '«user»')
closing AMQP connection <0.«100..99999».0> («ip»:«port» -> «ip»:5672):{handshake_timeout,frame_header}
client unexpectedly closed TCP connection
missed heartbeats from client, timeout: «30|60»s
Channel error on connection <0.«100..99999».0> («ip»:«port» -> «ip»:5672, vhost: '/', user: '«user»'), channel «1..9»:
operation queue.declare caused a channel exception precondition_failed: inequivalent arg 'durable' for queue '«name»' in vhost '/': received 'false' but current is 'true'
operation basic.publish caused a channel exception not_found: no exchange '«name»' in vhost '/'
memory resource limit alarm set on node rabbit@«host».
memory resource limit alarm cleared on node rabbit@«host»
disk resource limit alarm set on node rabbit@«host».
Mirrored queue '«name»' in vhost '/': Slave <rabbit@«host».«1..9».«100..9999».0> saw deaths of mirrors <rabbit@«host».«1..9».«100..9999».0>
rabbit on node rabbit@«host» up
rabbit on node rabbit@«host» down
node rabbit@«host» up
Peer discovery backend rabbit_peer_discovery_k8s returned the following nodes: rabbit@«host», rabbit@«host»
Message store for directory '«path»' is stopped
started TCP listener on [::]:5672
Server startup complete; «1..9» plugins started.
""",
    "kafka": """
[GroupCoordinator «0..3»]: Preparing to rebalance group «name» in state PreparingRebalance with old generation «0..999» (__consumer_offsets-«0..49») (reason: Adding new member consumer-«1..9»-«uuid» with group instance id None)
[GroupCoordinator «0..3»]: Stabilized group «name» generation «0..999» (__consumer_offsets-«0..49») with «1..9» members
[GroupCoordinator «0..3»]: Assignment received from leader consumer-«1..9»-«uuid» for group «name» for generation «0..999». The group has «1..9» members, 0 of which are static.
[GroupCoordinator «0..3»]: Member consumer-«1..9»-«uuid» in group «name» has failed, removing it from the group
[Log partition=«name»-«0..11», dir=«path»] Rolled new log segment at offset «big» in «1..99» ms.
[Log partition=«name»-«0..11», dir=«path»] Deleting segment LogSegment(baseOffset=«big», size=«big», lastModifiedTime=«epochms», largestRecordTimestamp=Some(«epochms»)) due to retention time «604800000|86400000»ms breach
[Log partition=«name»-«0..11», dir=«path»] Incremented log start offset to «big» due to segment deletion
[ProducerStateManager partition=«name»-«0..11»] Wrote producer snapshot at offset «big» with «0..9» producer ids in «0..9» ms.
[Partition «name»-«0..11» broker=«0..3»] Shrinking ISR from «isr» to «isr». Leader: (highWatermark: «big», endOffset: «big»). Out of sync replicas: (brokerId: «0..3», endOffset: «big»).
[Partition «name»-«0..11» broker=«0..3»] Expanding ISR from «isr» to «isr»
[Controller id=«0..3»] Newly added brokers: «isr», deleted brokers: «isr», bounced brokers: «isr», all live brokers: «isr»
[Controller id=«0..3»] Processing automatic preferred replica leader election
[ReplicaFetcher replicaId=«0..3», leaderId=«0..3», fetcherId=0] Error in response for fetch request (type=FetchRequest, replicaId=«0..3», maxWait=500, minBytes=1, maxBytes=10485760, fetchData={«name»-«0..11»=PartitionData(fetchOffset=«big», logStartOffset=0, maxBytes=1048576)}, isolationLevel=READ_UNCOMMITTED)
[ReplicaFetcherManager on broker «0..3»] Removed fetcher for partitions Set(«name»-«0..11»)
[ReplicaFetcherManager on broker «0..3»] Added fetcher to broker BrokerEndPoint(id=«0..3», host=«host»:9092) for partitions Map(«name»-«0..11» -> («big»))
[SocketServer brokerId=«0..3»] Failed authentication with /«ip» (SSL handshake failed)
[KafkaServer id=«0..3»] started
[KafkaServer id=«0..3»] shutting down
Session establishment complete on server «host»/«ip»:2181, sessionid = 0x«hex15», negotiated timeout = 18000
Opening socket connection to server «host»/«ip»:2181. Will not attempt to authenticate using SASL (unknown error)
""",
    "haproxy": """
«ip»:«port» [«httptime»] «name»~ «name»/«host» «0..9»/«0..9»/«0..9»/«1..999»/«1..999» «200|200|302|404|503» «100..99999» - - ---- «1..99»/«1..99»/«0..9»/«0..9»/0 0/0 "GET «request» HTTP/1.1"
«ip»:«port» [«httptime»] «name»~ «name»/<NOSRV> -1/-1/-1/-1/«0..99» 503 «100..299» - - SC-- «1..99»/«1..99»/0/0/0 0/0 "POST «request» HTTP/1.1"
«ip»:«port» [«httptime»] «name»/1: SSL handshake failure
Server «name»/«host» is DOWN, reason: «checkfailure», check duration: «1..3000»ms. «0..9» active and «0..3» backup servers left. «0..9» sessions active, 0 requeued, 0 remaining in queue.
Server «name»/«host» is UP, reason: Layer7 check passed, code: 200, check duration: «1..99»ms. «0..9» active and «0..3» backup servers online. 0 sessions requeued, 0 total in queue.
backend «name» has no server available!
Proxy «name» started.
Stopping frontend «name» in 0 ms.
Proxy «name» stopped (FE: «0..9999» conns, BE: «0..9999» conns).
""",
    "celery": """
Task «task»[«uuid»] received
Task «task»[«uuid»] succeeded in «float»s: «None|result|True»
Task «task»[«uuid»] retry: Retry in «1..600»s: «exception»
Task «task»[«uuid»] raised unexpected: «exception»
Task «task»[«uuid»] received expires:[«isotime»+00:00]
Discarding revoked task: «task»[«uuid»]
Scheduler: Sending due task «word» («task»)
missed heartbeat from celery@«host»
Events of group {task} enabled by remote.
sync with celery@«host»
mingle: searching for neighbors
mingle: all alone
celery@«host» ready.
Connected to amqp://«user»:**@«host»:5672//
consumer: Cannot connect to amqp://«user»:**@«host»:5672//: [Errno 111] Connection refused.
consumer: Connection to broker lost. Trying to re-establish the connection...
Process 'ForkPoolWorker-«1..16»' pid:«100..32000» exited with 'signal 9 (SIGKILL)'
Hard time limit («30..600».0s) exceeded for «task»[«uuid»]
Substantial drift from celery@«host» may mean clocks are out of sync.  Current drift is «10..99» seconds.  [orig: «isotime».«100000..999999» recv: «isotime».«100000..999999»]
Warm shutdown (MainProcess)
Received and deleted unknown message.  Wrong destination?!?
""",
}

"""Server logs of the kinds that parsers are usually judged on: templates, the most frequent first.

``«kind»`` is a value: a name of `serverlogs.KINDS`, a range ``1..9``, or alternatives ``a|b|c``. What analysts label as
separate templates (states, for example) is written out. The texts are ours, in the style of each program.
"""

# ruff: noqa: E501 -- a template is one line

from __future__ import annotations

CLASSIC = {
    "hdfs": """
BLOCK* NameSystem.addStoredBlock: blockMap updated: «ip»:50010 is added to blk_«long» size «67108864|67108864|big»
PacketResponder «0..2» for block blk_«long» terminating
Receiving block blk_«long» src: /«ip»:«port» dest: /«ip»:50010
Received block blk_«long» of size «67108864|67108864|big» from /«ip»
BLOCK* NameSystem.allocateBlock: «path»/part-«0..99999». blk_«long»
Deleting block blk_«long» file «path»/blk_«long»
BLOCK* NameSystem.delete: blk_«long» is added to invalidSet of «ip»:50010
Verification succeeded for blk_«long»
«ip»:50010 Served block blk_«long» to /«ip»
«ip»:50010:Got exception while serving blk_«long» to /«ip»:
Received block blk_«long» src: /«ip»:«port» dest: /«ip»:50010 of size «big»
«ip»:50010 Starting thread to transfer block blk_«long» to «ip»:50010
BLOCK* ask «ip»:50010 to replicate blk_«long» to datanode(s) «ip»:50010
BLOCK* ask «ip»:50010 to delete  «blocks»
Unexpected error trying to delete block blk_«long». BlockInfo not found in volumeMap.
writeBlock blk_«long» received exception java.io.IOException: Could not read from stream
PendingReplicationMonitor timed out block blk_«long»
""",
    "hadoop": """
Progress of TaskAttempt attempt_«job»_m_«0..99999»_«0..3» is : «float»
Error writing History Event: org.apache.hadoop.mapreduce.jobhistory.TaskAttemptStartedEvent@«hex8»
Failed to renew lease for [DFSClient_NONMAPREDUCE_«long»_1] for «1..900» seconds.  Will retry shortly ...
Address change detected. Old: «host»/«ip»:9000 New: «host»:9000
Retrying connect to server: «host»:«port». Already tried «0..9» time(s); retry policy is RetryUpToMaximumCountWithFixedSleep(maxRetries=10, sleepTime=1000 MILLISECONDS)
Recalculating schedule, headroom=<memory:«-5000..9000», vCores:«-40..20»>
Reduce slow start threshold not met. completedMapsForReduceSlowstart «1..20»
attempt_«job»_m_«0..99999»_«0..3» TaskAttempt Transitioned from NEW to UNASSIGNED
attempt_«job»_m_«0..99999»_«0..3» TaskAttempt Transitioned from UNASSIGNED to ASSIGNED
attempt_«job»_m_«0..99999»_«0..3» TaskAttempt Transitioned from ASSIGNED to RUNNING
attempt_«job»_m_«0..99999»_«0..3» TaskAttempt Transitioned from RUNNING to SUCCESS_CONTAINER_CLEANUP
attempt_«job»_m_«0..99999»_«0..3» TaskAttempt Transitioned from SUCCESS_CONTAINER_CLEANUP to SUCCEEDED
task_«job»_m_«0..99999» Task Transitioned from NEW to SCHEDULED
task_«job»_m_«0..99999» Task Transitioned from SCHEDULED to RUNNING
task_«job»_m_«0..99999» Task Transitioned from RUNNING to SUCCEEDED
Resolved «host» to /default-rack
JVM with ID : jvm_«job»_m_«0..99999» asked for a task
JVM with ID: jvm_«job»_m_«0..99999» given task: attempt_«job»_m_«0..99999»_«0..3»
Assigned container container_«job»_01_«0..99999» to attempt_«job»_m_«0..99999»_«0..3»
Got allocated containers «1..12»
Before Scheduling: PendingReds:«0..9» ScheduledMaps:«0..20» ScheduledReds:«0..9» AssignedMaps:«0..20» AssignedReds:«0..9» CompletedMaps:«0..20» ContAlloc:«0..50» HostLocal:«0..20» RackLocal:«0..20»
After Scheduling: PendingReds:«0..9» ScheduledMaps:«0..20» ScheduledReds:«0..9» AssignedMaps:«0..20» AssignedReds:«0..9» CompletedMaps:«0..20» ContAlloc:«0..50» HostLocal:«0..20» RackLocal:«0..20»
Launching attempt_«job»_m_«0..99999»_«0..3»
KILLING attempt_«job»_m_«0..99999»_«0..3»
Num completed Tasks: «1..40»
Opening proxy : «host»:«port»
Registering class org.apache.hadoop.mapreduce.v2.app.«class» for class org.apache.hadoop.mapreduce.v2.app.«class»
Default file system [hdfs://«host»:9000]
mapResourceRequest:<memory:«1000..9000», vCores:«1..8»>
reduceResourceRequest:<memory:«1000..9000», vCores:«1..8»>
Starting Socket Reader #«1..5» for port «port»
IPC Server listener on «port»: starting
IPC Server Responder: starting
Jetty bound to port «port»
adding path spec: «/mapreduce/*|/ws/*|/static/*»
Input size for job job_«job» = «big». Number of splits = «1..50»
Number of reduces for job job_«job» = «1..9»
job_«job»Job Transitioned from NEW to INITED
job_«job»Job Transitioned from INITED to SETUP
job_«job»Job Transitioned from SETUP to RUNNING
Kind: YARN_AM_RM_TOKEN, Service: , Ident: (appAttemptId { application_id { id: «1..99» cluster_timestamp: «epochms» } attemptId: «1..3» } keyId: «int»)
Using mapred newApiCommitter.
OutputCommitter set in config null
MRAppMaster metrics system started
Extract jar:file:«path».jar!/webapps/mapreduce to «winpath»
Diagnostics report from attempt_«job»_m_«0..99999»_«0..3»: Container killed by the ApplicationMaster.
Putting shuffle token in serviceData
queue: default
""",
    "spark": """
Found block rdd_«0..90»_«0..40» locally
Running task «0..40».0 in stage «0..60».0 (TID «0..9999»)
Got assigned task «0..9999»
Finished task «0..40».0 in stage «0..60».0 (TID «0..9999»). «500..9999» bytes result sent to driver
Times: total = «1..900», boot = «-900..900», init = «1..900», finish = «0..9»
Block broadcast_«0..90»«|_piece0» stored as bytes in memory (estimated size «kb», free «kb»)
Block broadcast_«0..90» stored as values in memory (estimated size «kb», free «kb»)
Started reading broadcast variable «0..90»
Reading broadcast variable «0..90» took «3..400» ms
Partition rdd_«0..90»_«0..40» not found, computing it
Input split: hdfs://«ip»:9000«path»:«big»+«big»
Saved output of task 'attempt_«job»_m_«0..999999»_«0..9999»' to hdfs://«ip»:9000«path»
attempt_«job»_m_«0..999999»_«0..9999»: Committed
Changing view acls to: «user»,«user»
Changing modify acls to: «user»,«user»
SecurityManager: authentication disabled; ui acls disabled; users with view permissions: Set(«user», «user»); users with modify permissions: Set(«user», «user»)
Created local directory at «path»/blockmgr-«uuid»
MemoryStore started with capacity «float» GB
Connecting to driver: spark://CoarseGrainedScheduler@«ip»:«port»
Successfully started service 'sparkExecutorActorSystem' on port «port».
Successfully started service 'NettyBlockTransferService' on port «port».
Remoting started; listening on addresses :[akka.tcp://sparkExecutorActorSystem@«host»:«port»]
Starting executor ID «1..40» on host «host»
Server created on «port»
Registered signal handlers for [TERM, HUP, INT]
Trying to register BlockManager
Registered BlockManager
Slf4jLogger started
Starting remoting
mapred.tip.id is deprecated. Instead, use mapreduce.task.id
mapred.job.id is deprecated. Instead, use mapreduce.job.id
""",
    "zookeeper": """
Received connection request /«ip»:«port»
Send worker leaving thread
Interrupted while waiting for message on queue
Interrupting SendWorker
Connection broken for id «long», my id = «1..3», error =
Closed socket connection for client /«ip»:«port» which had sessionid 0x«hex15»
Closed socket connection for client /«ip»:«port» (no session established for client)
Accepted socket connection from /«ip»:«port»
Expiring session 0x«hex15», timeout of «10000|30000»ms exceeded
Processed session termination for sessionid: 0x«hex15»
Client attempting to establish new session at /«ip»:«port»
Client attempting to renew session 0x«hex15» at /«ip»:«port»
Established session 0x«hex15» with negotiated timeout «10000|20000|30000» for client /«ip»:«port»
Revalidating client: 0x«hex15»
caught end of stream exception
Exception causing close of session 0x«0|hex15» due to java.io.IOException: ZooKeeperServer not running
Cannot open channel to «1..3» at election address /«ip»:3888
Notification time out: «400|800|1600|3200|6400|60000»
Notification: «1..3» (n.leader), 0x«hex9» (n.zxid), 0x«1..9» (n.round), LOOKING (n.state), «1..3» (n.sid), 0x«1..9» (n.peerEPoch), LOOKING (my state)
Notification: «1..3» (n.leader), 0x«hex9» (n.zxid), 0x«1..9» (n.round), FOLLOWING (n.state), «1..3» (n.sid), 0x«1..9» (n.peerEPoch), LEADING (my state)
Notification: «1..3» (n.leader), 0x«hex9» (n.zxid), 0x«1..9» (n.round), LEADING (n.state), «1..3» (n.sid), 0x«1..9» (n.peerEPoch), LOOKING (my state)
Got user-level KeeperException when processing sessionid:0x«hex15» type:create cxid:0x«hex4» zxid:0x«hex9» txntype:-1 reqpath:n/a Error Path:«path» Error:KeeperErrorCode = NodeExists for «path»
Connection request from old client /«ip»:«port»; will be dropped if server is in r-o mode
******* GOODBYE /«ip»:«port» ********
Server environment:«java.version=1.7.0_79|user.name=zoo|os.arch=amd64|java.io.tmpdir=/tmp|os.name=Linux»
Snapshotting: 0x«hex9» to «path»/snapshot.«hex9»
Reading snapshot «path»/snapshot.«hex9»
First is 0x«hex9»
New election. My id =  «1..3», proposed zxid=0x«hex9»
FOLLOWING
LOOKING
FOLLOWING - LEADER ELECTION TOOK - «10..900»
tickTime set to «2000|3000»
minSessionTimeout set to -1
maxSessionTimeout set to -1
""",
    "openstack": """
«ip» "GET «apipath» HTTP/1.1" status: «200|200|404» len: «100..9999» time: «float»
«ip» "POST «apipath» HTTP/1.1" status: «200|202» len: «100..9999» time: «float»
«ip» "DELETE «apipath» HTTP/1.1" status: 204 len: «100..999» time: «float»
image «uuid» at («path»/_base/«hex40»): checking
image «uuid» at («path»/_base/«hex40»): in use: on this node «0..3» local, «0..2» on other nodes sharing this instance storage
Active base files: «path»/_base/«hex40»
[instance: «uuid»] VM Started (Lifecycle Event)
[instance: «uuid»] VM Paused (Lifecycle Event)
[instance: «uuid»] VM Resumed (Lifecycle Event)
[instance: «uuid»] VM Stopped (Lifecycle Event)
[instance: «uuid»] During sync_power_state the instance has a pending task (spawning). Skip.
Creating event network-vif-plugged:«uuid» for instance «uuid»
[instance: «uuid»] Took «float» seconds to spawn the instance on the hypervisor.
[instance: «uuid»] Took «float» seconds to build instance.
[instance: «uuid»] Took «float» seconds to destroy the instance on the hypervisor.
[instance: «uuid»] Took «float» seconds to deallocate network for instance.
[instance: «uuid»] Instance spawned successfully.
[instance: «uuid»] Instance destroyed successfully.
[instance: «uuid»] Terminating instance
[instance: «uuid»] Deleting instance files «path»/«uuid»_del
[instance: «uuid»] Deletion of «path»/«uuid»_del complete
[instance: «uuid»] Attempting claim: memory «2048|4096» MB, disk «20|40» GB, vcpus «1|2» CPU
[instance: «uuid»] Total memory: «64172|32768» MB, used: «512|1024».00 MB
[instance: «uuid»] Total disk: «15|120» GB, used: «0|20».00 GB
[instance: «uuid»] Total vcpu: «16|32» VCPU, used: «0..8».00 VCPU
[instance: «uuid»] memory limit: «float» MB, free: «float» MB
[instance: «uuid»] vcpu limit not specified, defaulting to unlimited
[instance: «uuid»] disk limit not specified, defaulting to unlimited
[instance: «uuid»] Claim successful
[instance: «uuid»] Creating image
Auditing locally available compute resources for node «host»
Total usable vcpus: «16|32», total allocated vcpus: «0..8»
Final resource view: name=«host» phys_ram=64172MB used_ram=«512..8192»MB phys_disk=15GB used_disk=«0..80»GB total_vcpus=16 used_vcpus=«0..8» pci_stats=[]
Compute_service record updated for «host»:«host»
HTTP exception thrown: No instances found for any event
While synchronizing instance power states, found «1..9» instances in the database and «0..9» instances on the hypervisor.
Unknown base file: «path»/_base/«hex40»
Removing base or swap file: «path»/_base/«hex40»
Running instance usage audit for host «host» from «isotime» to «isotime». «0..9» instances.
""",
    "bgl": """
generating core.«1..9000»
«1..9999» floating point alignment exceptions
«1..9999» double-hummer alignment exceptions
CE sym «0..35», at 0x«hex8», mask 0x«hex2»
instruction cache parity error corrected
total of «1..90» ddr error(s) detected and corrected
«1..90» ddr error(s) detected and corrected on rank 0, symbol «0..35» over «1..9999» seconds
«1..90» ddr errors(s) detected and corrected on rank 0, symbol «0..35», bit «0..7»
«1..90» L3 EDRAM error(s) (dcr 0x«hex4») detected and corrected
«1..90» torus receiver x+ input pipe error(s) (dcr 0x«hex4») detected and corrected
«1..90» torus receiver y+ input pipe error(s) (dcr 0x«hex4») detected and corrected
«1..90» torus receiver z- input pipe error(s) (dcr 0x«hex4») detected and corrected
«1..90» tree receiver «0..2» in re-synch state event(s) (dcr 0x«hex4») detected
ciod: failed to read message prefix on control stream (CioStream socket to «ip»:«port»
ciod: Error reading message prefix on CioStream socket to «ip»:«port», Link has been severed
ciod: Error reading message prefix on CioStream socket to «ip»:«port», Connection timed out
ciod: Error reading message prefix on CioStream socket to «ip»:«port», Connection reset by peer
ciod: LOGIN chdir(«path») failed: No such file or directory
ciod: LOGIN chdir(«path») failed: Input/output error
ciod: Error loading «path»: invalid or missing program image, Exec format error
ciod: Error loading «path»: invalid or missing program image, Permission denied
ciod: Error creating node map from file «path»: Permission denied
ciod: generated «1..512» core files for program «path»
ciod: cpu «0..1» at treeaddr «0..999» sent unrecognized message 0xffffffff
ciod: Message code «0..90» is not «51|3» or 4294967295
ciod: duplicate canonical-rank «0..90» to logical-rank «0..90» mapping at line «1..99» of node map file «path»
data TLB error interrupt
data storage interrupt
program interrupt
rts panic! - stopping execution
rts internal error
rts: kernel terminated for reason «1000..1009»
machine check enable..............«0|1»
data address space................«0|1»
instruction address space.........«0|1»
debug wait enable.................«0|1»
program interrupt: trap instruction.........«0|1»
program interrupt: illegal instruction......«0|1»
program interrupt: fp cr field .............«0|1»
force load/store alignment...............«0|1»
store operation.............................«0|1»
icache prefetch depth....................«0|1»
core configuration register: 0x«hex8»
machine state register: 0x«hex8»
exception syndrome register: 0x«hex8»
data address: 0x«hex8»
instruction address: 0x«hex8»
lr:«hex8» cr:«hex8» xer:«hex8» ctr:«hex8»
r24=0x«hex8» r25=0x«hex8» r26=0x«hex8» r27=0x«hex8»
iar «hex8» dear «hex8»
critical input interrupt (unit=0x«hex2» bit=0x«hex2»): warning for torus y+ wire
critical input interrupt (unit=0x«hex2» bit=0x«hex2»): warning for tree C1 wire, suppressing further interrupts of same type
ciod: In packet from node «0..999».«0..3» («card»), message code «0..90» is not 3 or 4294967295 (softheader=«hex8» «hex8» «hex8» «hex8»)
Node card VPD check: missing U«01..17» node, VPD ecid in processor card slot J«02..17»
NFS Mount failed on bglio«1..99», slept «15|30» seconds, retrying («1..9»)
Node card is not fully functional
Lustre mount FAILED : bglio«1..99» : block_id : location
ido chip status changed: «mac» ip=«ip» v=«1..13» t=«1..4» status=M
""",
    "hpc": """
wait  (command «1000..4500»)
boot  (command «1000..4500»)
Command has completed successfully
Component State Change: Component \\042«alt0|scip0|wwid»\\042 is in the unavailable state (HWID=«1000..6000»)
PSU status ( «on off|on on|off off» )
Fan speeds ( «rpm» «rpm» «rpm» «rpm» «rpm» «rpm» )
Fan speeds ( «rpm» «rpm» «rpm» **** «rpm» «rpm» )
ambient=«20..45»
Temperature («20..60»C) exceeds warning threshold
Linkerror event interval expired
Link error on broadcast tree Interconnect-0T00:00:«0..5»:«0..5»
Link ok
Link error
Link in reset
normal
warning
critical
running
not responding
not-responding
halt  (command «1000..4500»)
risBoot  (command «1000..4500»)
bootGenvmunix  (command «1000..4500»)
clusterAddMember  (command «1000..4500»)
boot (command «1000..4500») Error: HALT asserted, cannot continue
risBoot (command «1000..4500») Error: Timed out while waiting for SRM prompt: <ABORT code completed>
Targeting domains:node-D«0..7» and nodes:node-[«0..255»-«0..255»] child of command «1000..4500»
Command has been aborted
Failed subcommands «1000..4500»
ClusterFileSystem: There is no server for ServerFileSystem domain storage«1..999»
ClusterFileSystem: ServerFileSystem domain storage«1..999» is no longer served by node node-«0..255»
ServerFileSystem: ServerFileSystem domain storage«1..999»_«root|usr|tmp» is full
NIFF: node node-«0..255» detected a failed network connection on network «ip» via interface alt0
NIFF: node node-«0..255» has detected an available network connection on network «ip» via interface ee0
NIFF: node node-«0..255» has detected an available network connection on network «ip» via interface scip0
""",
    "apache": """
jk2_init() Found child «1000..32000» in scoreboard slot «0..20»
workerEnv.init() ok «path».properties
mod_jk child workerEnv in error state «1..12»
[client «ip»] Directory index forbidden by rule: «path»/
jk2_init() Can't find child «1000..32000» in scoreboard
mod_jk child init «1..3» «-2..0»
[client «ip»] File does not exist: «path»
[client «ip»] script not found or unable to stat: «path»
[client «ip»] client denied by server configuration: «path»
[client «ip»] Invalid URI in request GET «/../../etc/passwd|/%2e%2e|/\\x90» HTTP/1.0
[client «ip»] request failed: URI too long (longer than 8190)
caught SIGTERM, shutting down
Graceful restart requested, doing restart
child process «1000..32000» still did not exit, sending a SIGTERM
Digest: generating secret for digest authentication ...
Digest: done
Apache/2.0.49 (Fedora) configured -- resuming normal operations
LDAP: Built with OpenLDAP LDAP SDK
suEXEC mechanism enabled (wrapper: «path»)
""",
    "proxifier": """
«host»:«port» open through proxy «host»:«5070|1080» HTTPS
«host»:«port» close, «bytes» sent, «bytes» received, lifetime «lifetime»
«host»:«port» open through proxy «host»:«5070|1080» SOCKS5
«host»:«port» error : Could not connect through proxy «host»:«5070|1080» - Proxy closed the connection unexpectedly.
«host»:«port» error : Could not connect to proxy «host»:«5070|1080» - connection attempt failed with error «10060|10061|10065»
«host»:«port» error : Could not connect to proxy «host»:«5070|1080» - Could not resolve «host» error «11001|11004»
«host»:«port» error : A connection request was canceled before the completion.
«host»:«port» error : Could not connect through proxy «host»:«5070|1080» - Proxy server cannot establish a connection with the target, status code «403|502|503|504»
""",
    "healthapp": """
calculateCaloriesWithCache totalCalories=«1000..199999»
calculateAltitudeWithCache totalAltitude=«0..900»
 getTodayTotalDetailSteps = «epochms»##«0..9999»##«0..999999»##«0..9999»##«0..19999»##«big»
setTodayTotalDetailSteps=«epochms»##«0..9999»##«0..999999»##«0..9999»##«0..19999»##«big»
onStandStepChanged «1..9999»
onExtend:«epochms» «0..20» «0..3» «0..9»
REPORT : «0..9999» «0..9999» «0..199999» «0..900»
onReceive action: android.intent.action.SCREEN_ON
onReceive action: android.intent.action.SCREEN_OFF
processHandleBroadcastAction action:android.intent.action.SCREEN_ON
processHandleBroadcastAction action:android.intent.action.TIME_TICK
flush sensor data
isScreenOn true
screen status unknown,think screen on
setWriteDBLastDataMinute success
setWriteDBLastDataMinute=«0..1440»
upLoadOneMinuteDataToEngine time=«epochmin»,«0..90»,«0..9»,«0..9»,«0..9»
bulkSaveDetailHiHealthData() size = «0..90»,totalTime = «0..999»
insertHiHealthData() end totalTime = «0..999»
insertHiHealthData() size = «0..90»,app = «0..3»,One Data Type = «2|20001»,packageName = com.example.health,writeStatType = «0|2»
saveHealthDetailData() deviceID = «0..9»,clientID=«0..9»,id=«0..99999»
saveStatData() type =«0..40999»,time = «epochms»,statClient = «0..9»,who is «0..9»
new date =«20171201..20171231», type=«40000..40009»,«float»,old=«float»
startSync hiSyncOption = HiSyncOption{syncAction=«0..2», syncMethod=«0..2», syncScope=«0..2», syncDataType=«0..20000», syncModel=«0..2», pushAction=«0..2»},app = «0..3» who = «0..3»
stepSyncOrNot appSynTimes is «0..9»
stepSyncOrNot appSynTimes is «0..9», statsyncTimes is «0..9»
checkInsertStatus stepSum or calorieSum is enough
checkInsertStatus stepStatSum or calorieStatSum is enough
theDayChanged «epochms»
next day:«epochms»
closeNotification...
clear()
""",
}

"""System logs of the kinds that parsers are usually judged on, in the form of `serverlogs_classic`."""

# ruff: noqa: E501 -- a template is one line

from __future__ import annotations

SYSTEM = {
    "openssh": """
Failed password for «root|root|root|user» from «ip» port «port» ssh2
pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=«ip|ip|host»  user=«root|root|user»
Received disconnect from «ip»: 11: Bye Bye [preauth]
Failed password for invalid user «user» from «ip» port «port» ssh2
pam_unix(sshd:auth): check pass; user unknown
pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=«ip|ip|host»
Invalid user «user» from «ip»
input_userauth_request: invalid user «user» [preauth]
Connection closed by «ip» [preauth]
message repeated «2..9» times: [ Failed password for root from «ip» port «port» ssh2]
reverse mapping checking getaddrinfo for «host» [«ip»] failed - POSSIBLE BREAK-IN ATTEMPT!
PAM «1..5» more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=«ip|host»  user=root
PAM «1..5» more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=«ip|host»
PAM service(sshd) ignoring max retries; «4..6» > 3
Disconnecting: Too many authentication failures for root [preauth]
Disconnecting: Too many authentication failures for admin [preauth]
Did not receive identification string from «ip»
error: Received disconnect from «ip»: 14: No more user authentication methods available. [preauth]
error: Received disconnect from «ip»: 3: com.jcraft.jsch.JSchException: Auth fail [preauth]
fatal: Write failed: Connection reset by peer [preauth]
Accepted password for «user» from «ip» port «port» ssh2
Accepted publickey for «user» from «ip» port «port» ssh2: RSA SHA256:«hex40»
pam_unix(sshd:session): session opened for user «user» by (uid=0)
pam_unix(sshd:session): session closed for user «user»
Received disconnect from «ip»: 11: disconnected by user
Failed none for invalid user «0|user» from «ip» port «port» ssh2
Server listening on «0.0.0.0|::» port 22.
""",
    "linux": """
authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=«ip|host»  user=root
connection from «ip» («|host») at «ctime»
session opened for user «cyrus|news|user» by (uid=0)
session closed for user «cyrus|news|user»
check pass; user unknown
authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=«ip|host»
ALERT exited abnormally with [1]
cupsd shutdown succeeded
cupsd startup succeeded
restart.
authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=«ip|host»  user=guest
authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=«ip|host»  user=test
authentication failure; logname= uid=0 euid=0 tty=:0 ruser= rhost=
Kerberos authentication failed
Couldn't authenticate user
ANONYMOUS FTP LOGIN FROM «ip»,  (anonymous)
getpeername (ftpd): Transport endpoint is not connected
User unknown timed out after 900 seconds at «ctime»
Authentication failed from «ip» («ip»): Permission denied in replay cache code
Authentication failed from «ip» («ip»): Software caused connection abort
notify question section contains no SOA
klogd 1.4.1, log source = /proc/kmsg started.
syslogd startup succeeded
klogd startup succeeded
rpc.statd startup succeeded
portmap startup succeeded
hcid startup succeeded
creating device node '/udev/«sda|vcs2|vcsa5|usb1»'
removing device node '/udev/«sda|vcs2|vcsa5|usb1»'
BIOS-e820: 00000000«hex8» - 00000000«hex8» (usable)
BIOS-e820: 00000000«hex8» - 00000000«hex8» (reserved)
CPU «0..7» irqstacks, hard=0«hex7» soft=0«hex7»
CPU: L1 I cache: «16|32»K, L1 D cache: «16|32»K
CPU: L2 cache: «256|512»K
Memory: «127000|256000»k/«131072|262144»k available («1000..1999»k kernel code, «1000..4999»k reserved, «500..999»k data, «100..300»k init, 0k highmem)
Dentry cache hash table entries: «16384|32768» (order: «4|5», «65536|131072» bytes)
Inode-cache hash table entries: «8192|16384» (order: «3|4», «32768|65536» bytes)
Mount-cache hash table entries: 512 (order: 0, 4096 bytes)
DMA zone: 4096 pages, LIFO batch:1
Normal zone: «28000..99999» pages, LIFO batch:«7|16»
HighMem zone: 0 pages, LIFO batch:1
Calibrating delay loop... «float» BogoMIPS
Detected «float» MHz processor.
NET: Registered protocol family «1|2|10|16|17»
SELinux:  Initializing.
SELinux:  Starting in permissive mode
SELinux:  Registering netfilter hooks
audit(«epoch».«100..999»:«0..9»): initialized
PCI: PCI BIOS revision 2.10 entry at 0x«hex5», last bus=«1|2»
PCI: Using IRQ router PIIX/ICH [8086/«2410|7110»] at 0000:00:1f.0
Linux version 2.6.5-1.358 (build@host.example.org) (gcc version 3.3.3 20040412 (Red Hat Linux 3.3.3-7)) #1 «ctime»
Out of Memory: Killed process «1000..32000» («httpd|java|mysqld»).
Received SNMP packet(s) from «ip»
ROOT LOGIN ON tty2
warning: can't get client address: Connection reset by peer
""",
    "thunderbird": """
session closed for user root
session opened for user root by (uid=0)
(root) CMD (run-parts /etc/cron.hourly)
data_thread() got not answer from any [Thunderbird_«A1|A2|B3|C5|D7»] datasource
synchronized to «ip», stratum «2..4»
connection lost: 'Connection closed.'
Local disconnected: Connection closed.
[ib_sm_sweep.c:1831]: ********************** NEW SWEEP ********************
[ib_sm_sweep.c:1455]: No topology change
[ib_sm_sweep.c:1482]: No configuration change required
DHCPDISCOVER from «mac» via eth1
DHCPDISCOVER from «mac» via eth1: network A_net: no free leases
DHCPREQUEST for «ip» («ip») from «mac» via eth1
DHCPREQUEST for «ip» («ip») from «mac» via eth1: unknown lease «ip».
DHCPACK on «ip» to «mac» via eth1
DHCPOFFER on «ip» to «mac» via eth1
START: tftp pid=«1000..32000» from=«ip»
RRD_update («path».rrd): illegal attempt to update using time «epoch» when last update time is «epoch» (minimum one second step)
«sendmailid»: from=root, size=«100..9999», class=0, nrcpts=1, msgid=<«hex12».«sendmailid»@«host»>, relay=root@localhost
«sendmailid»: to=root, ctladdr=root (0/0), delay=«clock», xdelay=00:00:00, mailer=relay, pri=«10000..999999», relay=[127.0.0.1] [127.0.0.1], dsn=4.0.0, stat=Deferred: Connection refused by [127.0.0.1]
My unqualified host name («host») unknown; sleeping for retry
unable to qualify my own domain name («host») -- using short name
Received SNMP packet(s) from «ip»
Reading included configuration file: «path» [file=«path»] [line=«1..90»]
kernel time sync enabled «0001|4001»
kernel time sync disabled «0041|2041»
time reset +«float» s
Started working: «1..9» available service«|s»
Now running on root's privileges.
Device: /dev/sda, Temperature changed «1..3» Celsius to «20..45» Celsius since last report
PCI Interrupt Link [LNK«A|B|C|D»] (IRQs 3 4 5 6 7 10 11 12) *«3..15»
PCI interrupt 0000:0«0..9»:0«0..9».«0..3»[A] -> GSI «1..99» (level, low) -> IRQ «1..250»
IOAPIC (id[0x«hex2»] address[0x«hex8»] gsi_base[«0..99»])
LAPIC (acpi_id[0x«hex2»] lapic_id[0x«hex2»] enabled)
INT_SRC_OVR (bus 0 bus_irq «0..9» global_irq «0..9» dfl dfl)
INT_SRC_OVR (bus 0 bus_irq «0..9» global_irq «0..9» high level)
eth«0..3»: «big»: Intel(R) PRO/1000 Network Connection
eth0: «mac»: NIC Link is Up 1000 Mbps Full Duplex
probe new device «hex2»:«hex2»:«hex4»:«hex4»: bus «0..9»:slot «0..9»:func «0..3»
scanning scsi channel «0..3» [Phy «0..3»] for non-raid devices
scanning scsi channel «0..3» [virtual] for logical drives
registered new driver usbfs
registered new driver hub
registered new driver usbhid
xinetd startup succeeded
portmap startup succeeded
rpc.statd startup succeeded
syslog-ng startup succeeded
Mounting NFS filesystems: succeeded
Mounting other filesystems: failed
Wait for ready failed before probe !
Unknown cmd fd(«0..99») cmd(«hex8»){«00..99»} arg(«hex8») on /dev/sda
sda1 sda2 sda3 sda4
initialized
succeeded
passed.
""",
    "windows": """
Warning: Unrecognized packageExtended attribute.
Expecting attribute name [HRESULT = 0x800f080d - CBS_E_MANIFEST_INVALID_ITEM]
Failed to get next element [HRESULT = 0x800f080d - CBS_E_MANIFEST_INVALID_ITEM]
Read out cached package applicability for package: Package_for_KB«2500000..3999999»~«hex16»~amd64~~6.1.1.«0..9», ApplicableState: «0|80|112», CurrentState:«0|80|112»
Session: «30500000..30599999»_«big» initialized by client WindowsUpdateAgent.
Session: «30500000..30599999»_«big» initialized by client SPP.
Failed to internally open package. [HRESULT = 0x«800f0805|800f0902» - CBS_E_INVALID_PACKAGE]
Loaded Servicing Stack v6.1.7601.«17592..23505» with Core: «winpath»\\cbscore.dll
0000000«hex1»@«wintime» WcpInitialize (wcp.dll version 0.0.0.6) called (stack @0x7fe«hex8» @0x7fe«hex8» @0x7fe«hex8» @0xff«hex6»)
0000000«hex1» IAdvancedInstallerAwareStore_ResolvePendingTransactions (call «1..9») (flags = 0000000«0..9», progress = NULL, phase = «0..3», pdwDisposition = @0x«hex6»
0000000«hex1» Creating NT transaction (seq «1..9»), objectname [6]"(null)"
0000000«hex1» Created NT transaction (seq «1..9») result 0x00000000, handle @0x«hex3»
0000000«hex1»@«wintime» CSI perf trace:
0000000«hex1» CSI Store «1000000..9999999» (0x«hex16») initialized
0000000«hex1»@«wintime» CSI Transaction @0x«hex6» initialized for deployment engine {«uuid»} with flags 0000000«0..9» and client id [26]"TI«1..6».«30500000..30599999»_«big»:1/"
0000000«hex1»@«wintime» CSI Transaction @0x«hex6» destroyed
0000000«hex1» ICSITransaction::Commit calling IStorePendingTransaction::Apply - coldpatching=FALSE applyflags=«1..9»
0000000«hex1» Performing «1..9» operations; «1..9» are not lock/unlock and follow:
0000000«hex1» Store coherency cookie matches last scavenge cookie, skipping scavenge.
Starting TrustedInstaller initialization.
Ending TrustedInstaller initialization.
Starting TrustedInstaller finalization.
Ending TrustedInstaller finalization.
Starting the TrustedInstaller main loop.
Ending the TrustedInstaller main loop.
TrustedInstaller service starts successfully.
SQM: Initializing online with Windows opt-in: False
SQM: Cleaning up report files older than 10 days.
SQM: Requesting upload of all unsent reports.
SQM: Failed to start upload with file pattern: «winpath»\\*_std.sqm, flags: 0x«1..9» [HRESULT = 0x80004005 - E_FAIL]
SQM: Failed to start standard sample upload. [HRESULT = 0x80004005 - E_FAIL]
SQM: Queued «0..9» file(s) for upload with pattern: «winpath»\\*_all.sqm, flags: 0x«1..9»
SQM: Warning: Failed to upload all unsent reports. [HRESULT = 0x80004005 - E_FAIL]
NonStart: Checking to ensure startup processing was not required.
NonStart: Success, startup processing not required as expected.
Startup processing thread terminated normally
Idle processing thread terminated normally
Reboot mark refs: «0..9»
Reboot mark refs incremented to: «1..9»
Scavenge: Starts
Scavenge: Begin CSI Store
Scavenge: Completed, disposition: 0X«0..9»
Offline image is: read-only
Loading offline registry hive: «SOFTWARE|SYSTEM|COMPONENTS», into registry key '{«uuid»}/«winpath»' from path '\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy«1..20»\\«winpath»'.
Unloading offline registry hive: {«uuid»}«winpath»
Disabling manifest caching, because the image is not writeable.
""",
    "android": """
ready=true,policy=«0..3»,wakefulness=«0..2»,wksummary=0x«hex2»,uasummary=0x«0..1»,bootcompleted=true,boostinprogress=false,waitmodeenable=false,mode=false,manual=«30..90»,auto=-1,adj=0.0userId=0
release:lock=«big», flg=0x0, tag="«lock»", name=«app|android»", ws=«null|worksource», uid=«1000..10300», pid=«1000..32000»
acquire lock=«big», flags=0x«0..1», tag="«lock»", name=«app|android», ws=«null|worksource», uid=«1000..10300», pid=«1000..32000»
visible is «system.time.showampm|system.charge.show|system.ownerinfo.show»
visible is system.«call|message».count gt 0
mVisiblity.getValue is false
shouldBlockLocation running ...
shouldBlockLocation  ret:false
shouldBlockLocation  ret:true
updateClipping isOverlap:false, getTopPadding=«0..900».0, Translation=«-300..90».0
updateClipping isOverlap:true, getTopPadding=«0..900».0, Translation=«-300..90».0
updateDimmedActivatedHideSensitive overlap:false
updateDimmedActivatedHideSensitive overlap:true
Skipping AppWindowToken{«hex7» token=Token{«hex6» ActivityRecord{«hex7» u0 «app»/.«activity» t«1..999»}}} -- going to hide
getRunningAppProcesses: caller «10000..10300» does not hold REAL_GET_TASKS; limiting output
getTasks: caller «10000..10300» does not hold REAL_GET_TASKS; limiting output
setSystemUiVisibility vis=«hex8» mask=ffffffff oldVal=«hex3» newVal=«hex8» diff=«hex8» fullscreenStackVis=0 dockedStackVis=0, fullscreenStackBounds=Rect(0, 0 - 720, 1280), dockedStackBounds=Rect(0, 0 - 0, 0)
notifyUiVisibilityChanged:vis=0x«hex8», SystemUiVisibility=0x«hex8»
cancelAutohide
suspendAutohide
resumeSuspendedAutohide
userActivityNoUpdateLocked: eventTime=«big», event=«0..3», flags=0x«0..1», uid=«1000..10300»
Destroying surface Surface(name=«surface») called by «javastack»
rotationForOrientationLw(orient=«-1..9», last=«0..3»); user=«0..3» USER_ROTATION_LOCKED
Application requested orientation «-1..9», got rotation «0..3» which has compatible metrics
orientation change is complete, call stopFreezingDisplayLocked
Screen frozen for +«0..3»s«0..999»ms due to Window{«hex6» u0 «app»/.«activity»}
startAnimation begin
startAnimation end
remove(PendingIntent{«hex7»: PendingIntentRecord{«hex7» «app» broadcastIntent}}) changed bounds; rebatching
onTouchEvent::«0..2», x=«float», y=«float»
onReceive, action:«app».action.«lock»
setLightsOn(true)
Killing «1000..32000»:«app»«|:push|:remote»/u0a«1..300» (adj «0..15»): empty for «100..9999»s
Start proc «1000..32000»:«app»/u0a«1..300» for service «app»/.«activity»
START u0 {act=«app».VIEW flg=0x«hex8» cmp=«app»/.«activity» (has extras)} from uid «10000..10300» on display 0
START u0 {flg=0x«hex8» cmp=«app»/.«activity» (has extras)} from uid «10000..10300» on display 0
getRecentTasks: num=«1..30»,flags=«0..9»,totalTasks=«0..30»
playSoundEffect   effectType: «0..9»
isMusicActive...
getRingerMode...
getMode...
ACTION_BATTERY_CHANGED AMP: «100..999»; Volt: «3000..4999»
battery changed pluggedType: «0..2»
Scheduling restart of crashed service «app»/.«activity» in «1000|4000|16000»ms
interceptKeyTq keycode=«3|4|26» interactive=true keyguardActive=false policyFlags=2000000 down true canceled false
interceptKeyTq keycode=«3|4|26» interactive=true keyguardActive=false policyFlags=2000000 down false canceled false
updateNotificationShade: total=«0..20», active=«0..20»
animateCollapsePanels:flags=«0..2», force=false, delayed=false, mExpandedVisible=false
animateCollapsePanels:flags=«0..2», force=false, delayed=false, mExpandedVisible=true
""",
    "mac": """
com.apple.«cts»: scheduler_evaluate_activity told me to run this job; however, but the start time isn't for «1..999999» seconds.  Ignoring.
Thermal pressure state: «0|1» Memory pressure state: «0..2»
ARPT: «int6».«hex6»: wl0: wl_update_tcpkeep_seq: Original Seq: «big», Ack: «big», Win size: «256|4096»
ARPT: «int6».«100000..999999»: AirPort_Brcm43xx::platformWoWEnable: WWEN[disable]
ARPT: «int6».«100000..999999»: AirPort_Brcm43xx::platformWoWEnable: WWEN[enable]
ARPT: «int6».«100000..999999»: AirPort_Brcm43xx::syncPowerState: WWEN[enabled]
ARPT: «int6».«100000..999999»: wl0: Roamed or switched channel, reason #«1..9», bssid «mac», last RSSI -«40..90»
ARPT: «int6».«100000..999999»: wl0: MDNS: IPV6 Addr: «ip6»
ARPT: «int6».«100000..999999»: ARPT: Wake Reason: Wake on Scan offload
ARPT: «int6».«100000..999999»: IOPMPowerSource Information: onSleep,  SleepType: Normal Sleep,  'ExternalConnected': Yes, 'TimeRemaining': «0..900»,
ARPT: «int6».«100000..999999»: IOPMPowerSource Information: onWake,  SleepType: Normal Sleep,  'ExternalConnected': Yes, 'TimeRemaining': «0..900»,
IO80211AWDLPeerManager::setAwdlAutoMode Resuming AWDL
IO80211AWDLPeerManager::setAwdlOperatingMode Setting the AWDL operation mode from AUTO to SUSPENDED
IO80211AWDLPeerManager::setAwdlOperatingMode Setting the AWDL operation mode from SUSPENDED to AUTO
IOThunderboltSwitch<0>(0x0)::listenerCallback - Thunderbolt HPD packet for route = 0x0 port = «1..12» unplug = «0|1»
AirPort: Link Down on awdl0. Reason 1 (Unspecified).
AirPort: Link Down on en0. Reason 8 (Disassociated because station leaving).
AirPort: Link Up on awdl0
AirPort: Link Up on en0
mDNS_RegisterInterface: Frequent transitions for interface en0 («ip6»)
mDNS_DeregisterInterface: Frequent transitions for interface awdl0 («ip6»)
AppleCamIn::systemWakeCall - messageType = 0xE000«hex4»
AppleThunderboltNHIType2::waitForOk2Go2Sx - retries = «1..90»
AppleThunderboltNHIType2::prePCIWake - power up complete - took «1..9» us
PM response took «1000..3000» ms («50..60», powerd)
setting hostname to "«host»"
FA||Url||taskID[«big»] dealloc
en0: BSSID changed to «mac»
en0: channel changed to «1..161»
Sandbox: com.apple.Addres(«1000..32000») deny(1) network-outbound /private/var/run/mDNSResponder
[«clock».«100..999»] <<<< CRABS >>>> crabsFlumeHostAvailable: [0x7f«hex10»] Byte flume reports host available again.
[«clock».«100..999»] <<<< CRABS >>>> crabsFlumeHostUnavailable: [0x7f«hex10»] Byte flume reports host unavailable.
[«clock».«100..999»] FigAgglomeratorSetObjectForKey signalled err=-16020 (kFigStringConformerError_ParamErr) (NULL key) at «path» line «1..999»
«clock».«100..999» : BTLE scanning started
«clock».«100..999» : BTLE scanning stopped
«clock».«100..999» : Purged contact hashes
«clock».«100..999» : Scanning mode Contacts Only
«isotime».«100..999» ksfetch[«1000..32000»/0x7fff«hex8»] [lvl=2] main() ksfetch fetching URL (<NSMutableURLRequest: 0x«hex12»> { URL: https://tools.example.com/service/update2?cup2hreq=«hex64» }) to folder:«path»
«isotime».«100..999» ksfetch[«1000..32000»/0x7fff«hex8»] [lvl=2] main() Fetcher is exiting.
«isotime».«100..999» ksfetch[«1000..32000»/0x7fff«hex8»] [lvl=2] KSHelperReceiveAllData() KSHelperTool read «100..9999» bytes from stdin.
[com.apple.calendar.store.log.caldav.queue] [Account «user»@«host» timed out when executing operation: <CalDAVAccountRefreshQueueableOperation: 0x7f«hex10»; Sequence: 0>]
<IMMacNotificationCenterManager: 0x7f«hex10»>:    NC Disabled: NO
<IMMacNotificationCenterManager: 0x7f«hex10»>:   DND Enabled: YES
<IMMacNotificationCenterManager: 0x7f«hex10»>:   DND Enabled: NO
Unable to simultaneously satisfy constraints: ( "<NSLayoutConstraint:0x«hex12» H:[NSView:0x«hex12»]-(«0..20»)-[NSView:0x«hex12»]>", "<NSLayoutConstraint:0x«hex12» V:|-(«0..20»)-[NSView:0x«hex12»]>" )
Previous sleep cause: «-90..5»
Wake reason: «?|EC.LidOpen (User)|RTC (Alarm)»
hibernate image path: «path»
CCFile::captureLogRun() Exiting CCFile::captureLogRun
network_reachability_changed : network is not reachable, netbiosd is shutting down
""",
}

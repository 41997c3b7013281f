// RTMP / HTTP-FLV load generator (one thread, epoll).  g++ -O2 -std=c++17 loadgen.cpp -o loadgen
//  loadgen pub  host port app name [kbps=1000] [fps=30] [gop=60] [secs=0] [streams=1]
//  loadgen play rtmp|flv host port app name players [-ramp 500/s] [-settle 3] [-win 10] [-pid P] [-streams 1] [-core 0] [-path fmt]
// Every published message carries magic+len+seq+send time; the player checks length, order, and end-to-end delay.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>
using namespace std;typedef uint8_t u8;typedef uint32_t u32;typedef uint64_t u64;
static u64 now_ns(){timespec t;clock_gettime(CLOCK_MONOTONIC,&t);return t.tv_sec*1000000000ull+t.tv_nsec;}
static const u32 MAGIC=0x5AD0CAFE;
struct Stamp{u32 magic,len;u64 seq,t;};// 24 bytes, host order
static void be(string&o,u64 v,int n){for(int i=n-1;i>=0;i--)o.push_back((char)(v>>(8*i)));}
static void aNum(string&o,double d){o.push_back(0);u64 v;memcpy(&v,&d,8);be(o,v,8);}
static void aStr(string&o,const string&s){o.push_back(2);be(o,s.size(),2);o+=s;}
static void aKey(string&o,const string&s){be(o,s.size(),2);o+=s;}
static void aNull(string&o){o.push_back(5);}
static string chunkMsg(int cid,int type,u32 sid,u32 ts,const string&p,u32 cs){string o;o.push_back((char)cid);bool ext=ts>=0xffffff;be(o,ext?0xffffff:ts,3);be(o,p.size(),3);o.push_back((char)type);for(int i=0;i<4;i++)o.push_back((char)(sid>>(8*i)));if(ext)be(o,ts,4);
 for(size_t i=0;i<p.size();i+=cs){if(i){o.push_back((char)(0xC0|cid));if(ext)be(o,ts,4);}o.append(p,i,min<size_t>(cs,p.size()-i));}return o;}
static string cmdConnect(const string&app,const string&tc){string p;aStr(p,"connect");aNum(p,1);p.push_back(3);aKey(p,"app");aStr(p,app);aKey(p,"flashVer");aStr(p,"LNX 9,0,124,2");aKey(p,"tcUrl");aStr(p,tc);aKey(p,"fpad");p.push_back(1);p.push_back(0);aKey(p,"capabilities");aNum(p,15);aKey(p,"audioCodecs");aNum(p,4071);aKey(p,"videoCodecs");aNum(p,252);aKey(p,"videoFunction");aNum(p,1);be(p,9,3);return p;}
static int dial(const char*h,int port,bool nb){int s=socket(AF_INET,SOCK_STREAM|(nb?SOCK_NONBLOCK:0),0);sockaddr_in a{};a.sin_family=AF_INET;a.sin_port=htons(port);inet_pton(AF_INET,h,&a.sin_addr);
 static u32 n=0;sockaddr_in l{};l.sin_family=AF_INET;l.sin_addr.s_addr=htonl(0x7f000001+((n++)/20000));int one=1;setsockopt(s,SOL_IP,24/*IP_BIND_ADDRESS_NO_PORT*/,&one,4);bind(s,(sockaddr*)&l,sizeof l);
 setsockopt(s,IPPROTO_TCP,TCP_NODELAY,&one,4);if(connect(s,(sockaddr*)&a,sizeof a)&&errno!=EINPROGRESS){perror("connect");close(s);return -1;}return s;}
static void wr(int s,const string&b){size_t o=0;while(o<b.size()){ssize_t n=write(s,b.data()+o,b.size()-o);if(n<0){if(errno==EAGAIN||errno==EINTR){usleep(200);continue;}perror("pub write");exit(3);}o+=n;}}
static void rd(int s,void*b,size_t n){u8*p=(u8*)b;while(n){ssize_t r=read(s,p,n);if(r<=0){fprintf(stderr,"pub read closed\n");exit(3);}p+=r;n-=r;}}
static string wait_str(int s,const char*pat){string acc;char b[4096];u64 t0=now_ns();while(acc.find(pat)==string::npos){ssize_t r=read(s,b,sizeof b);if(r<=0||now_ns()-t0>5000000000ull){fprintf(stderr,"pub: no %s\n",pat);exit(3);}acc.append(b,r);}return acc;}
static int pub(int c,char**v){const char*h=v[0];int port=atoi(v[1]);string app=v[2],name=v[3];double kbps=c>4?atof(v[4]):1000;int fps=c>5?atoi(v[5]):30,gop=c>6?atoi(v[6]):60;double secs=c>7?atof(v[7]):0;int streams=c>8?atoi(v[8]):1;
 vector<int> ss;vector<u32> sid;for(int i=0;i<streams;i++){int s=dial(h,port,false);if(s<0)return 3;string c1(1536,0);for(int k=8;k<1536;k++)c1[k]=rand();wr(s,string(1,3)+c1);u8 b[3073];rd(s,b,3073);wr(s,string((char*)b+1,1536));
  string nm=streams>1?name+to_string(i):name;wr(s,chunkMsg(3,20,0,0,cmdConnect(app,string("rtmp://")+h+":"+to_string(port)+"/"+app),128));wait_str(s,"Connect.Success");
  string k;be(k,65536,4);wr(s,chunkMsg(2,1,0,0,k,128));string p;aStr(p,"releaseStream");aNum(p,2);aNull(p);aStr(p,nm);wr(s,chunkMsg(3,20,0,0,p,65536));p="";aStr(p,"FCPublish");aNum(p,3);aNull(p);aStr(p,nm);wr(s,chunkMsg(3,20,0,0,p,65536));p="";aStr(p,"createStream");aNum(p,4);aNull(p);wr(s,chunkMsg(3,20,0,0,p,65536));string need;need.push_back(0);be(need,0x4010000000000000ull,8);{string acc;char bb[4096];u64 t0=now_ns();while(acc.find(need)==string::npos){ssize_t r=read(s,bb,sizeof bb);if(r<=0||now_ns()-t0>5000000000ull){fprintf(stderr,"pub: no createStream result\n");exit(3);}acc.append(bb,r);}}
  p="";aStr(p,"publish");aNum(p,5);aNull(p);aStr(p,nm);aStr(p,"live");wr(s,chunkMsg(4,20,1,0,p,65536));wait_str(s,"Publish.Start");
  p="";aStr(p,"@setDataFrame");aStr(p,"onMetaData");p.push_back(8);be(p,4,4);aKey(p,"width");aNum(p,1280);aKey(p,"height");aNum(p,720);aKey(p,"videocodecid");aNum(p,7);aKey(p,"audiocodecid");aNum(p,10);be(p,9,3);wr(s,chunkMsg(5,18,1,0,p,65536));
  static const u8 sps[]={0x67,0x42,0x00,0x29,0xe2,0x90,0x14,0x07,0xb6,0x02,0xdc,0x04,0x04,0x06,0x90,0x78,0x91,0x15},pps[]={0x68,0xce,0x3c,0x80};
  p=string("\x17\0\0\0\0",5);p+=string("\x01\x42\x00\x29\xff\xe1",6);be(p,sizeof sps,2);p.append((char*)sps,sizeof sps);p.push_back(1);be(p,sizeof pps,2);p.append((char*)pps,sizeof pps);wr(s,chunkMsg(6,9,1,0,p,65536));
  p=string("\xaf\0\x12\x10",4);wr(s,chunkMsg(4,8,1,0,p,65536));ss.push_back(s);fcntl(s,F_SETFL,O_NONBLOCK);}
 fprintf(stderr,"publishing %d stream(s)\n",streams);
 double bpg=kbps*1000/8*gop/fps;size_t key=(size_t)min(20000.0*kbps/1000,bpg/3),inter=(size_t)((bpg-key)/(gop-1));string filler(max(key,inter)+4096,0);for(auto&x:filler)x=rand()|0x80;
 u64 t0=now_ns();u64 vf=0,af=0,seq=0;double vt=0,at=0;// ms
 for(;;){vt=vf*1000.0/fps;at=af*1024000.0/44100;bool isv=vt<=at;double t=min(vt,at);if(secs&&t>secs*1000)break;u64 due=t0+(u64)(t*1e6);u64 n=now_ns();if(n<due){timespec d{(time_t)((due-n)/1000000000),(long)((due-n)%1000000000)};nanosleep(&d,0);}
  string p;size_t len;bool k=false;if(isv){k=vf%gop==0;len=(k?key:inter);vf++;}else{len=256;af++;}
  if(isv){p=string(1,k?0x17:0x27)+string("\1\0\0\0",4);be(p,len,4);p.push_back(k?0x65:0x41);}else p=string("\xaf\1",2);
  Stamp st;st.magic=MAGIC;st.seq=seq++;st.t=now_ns();size_t total=isv?9+len:2+len;st.len=total;p.append((char*)&st,sizeof st);p.append(filler,0,total-p.size());
  string m=chunkMsg(isv?6:4,isv?9:8,1,(u32)t,p,65536);for(int s:ss){wr(s,m);char b[4096];while(read(s,b,sizeof b)>0);}}
 return 0;}
struct CS{u32 h=0,len=0,n=0;u8 type=0;bool ext=false;u32 ts=0,d=0;};
struct P{int fd=-1,st=0;u32 hsGot=0;u32 inCs=128;int ps=0;u8 hb[20];u32 hn=0,need=1;CS cs[16];CS*cur=nullptr;u32 chunkLeft=0;u8 pk[64];u32 pkn=0;string cmd;bool playing=false;u64 tPlay=0,lastSeq=0;bool haveSeq=false;u32 lastTs=0;bool haveTs=false;long tsOff=0;bool haveOff=false;
 u64 lastRx=0,maxGap=0,bytes=0,msgs=0,bad=0,lost=0,tsback=0,tsshift=0;u64 maxDelay=0;int idx=0;
 // flv
 string hdr;bool hdrDone=false,chunked=false;int ck=0;u64 ckLeft=0;string ckl;int fs=0;u8 fh[16];u32 fn=0;u32 tagLen=0,tagGot=0;u32 tagTs=0;u8 tagType=0;};
static vector<u64> hist;static bool inWin=false;static u64 winStart;static const int HB=24*64;
static void addDelay(u64 ns){if(!inWin)return;double us=ns/1000.0+1;int b=(int)(log2(us)*48);if(b>=HB)b=HB-1;hist[b]++;}
static double pct(double q){u64 tot=0;for(auto x:hist)tot+=x;if(!tot)return -1;u64 acc=0;for(int i=0;i<HB;i++){acc+=hist[i];if(acc>=q*tot)return pow(2,(i+0.5)/48)/1000;}return -1;}
static u64 g_now;
static void onMedia(P&p,u8 type,u32 ts,u32 len,const u8*pk,u32 pkn){
 p.msgs++;u32 off;if(type==9){if(len<16||pk[1]==0)return;off=10;}else if(type==8){if(pk[1]==0)return;off=2;}else return;
 if(pkn<off+24){p.bad++;return;}Stamp s;memcpy(&s,pk+off,24);if(s.magic!=MAGIC||s.len!=len){p.bad++;return;}
 if(p.haveSeq){if(s.seq<=p.lastSeq)p.bad++;else if(inWin)p.lost+=s.seq-p.lastSeq-1;}p.haveSeq=true;p.lastSeq=max(p.lastSeq,s.seq);
 if(p.haveTs&&(int)(ts-p.lastTs)<0)p.tsback++;p.haveTs=true;p.lastTs=ts;
 if(s.t>p.tPlay){u64 d=g_now>s.t?g_now-s.t:0;addDelay(d);if(inWin){p.maxDelay=max(p.maxDelay,d);if(p.lastRx){p.maxGap=max(p.maxGap,g_now-max(p.lastRx,winStart));}}p.lastRx=g_now;}}
static string g_app,g_name,g_host;static int g_port,g_streams=1;static string g_tc;
static void sendS(P&p,const string&b){ssize_t n=write(p.fd,b.data(),b.size());if(n!=(ssize_t)b.size())p.bad++;}
static string nameOf(P&p){return g_streams>1?g_name+to_string(p.idx%g_streams):g_name;}
static void onCmd(P&p,CS&c,const string&s){if(c.type==1&&s.size()>=4){p.inCs=((u8)s[0]<<24|(u8)s[1]<<16|(u8)s[2]<<8|(u8)s[3])&0x7fffffff;return;}
 if(c.type==20||c.type==17){if(p.st==2&&s.find("_result")!=string::npos){string m;aStr(m,"createStream");aNum(m,2);aNull(m);sendS(p,chunkMsg(3,20,0,0,m,128));p.st=3;}
  else if(p.st==3&&s.find("_result")!=string::npos){string m;aStr(m,"play");aNum(m,3);aNull(m);aStr(m,nameOf(p));aNum(m,-2000);sendS(p,chunkMsg(8,20,1,0,m,128));p.st=4;p.playing=true;p.tPlay=now_ns();}}}
static void rtmpIn(P&p,const u8*b,size_t n){size_t i=0;
 if(p.st==1){size_t k=min<size_t>(3073-p.hsGot,n);p.hsGot+=k;i+=k;if(p.hsGot==3073){string c2(1536,0);sendS(p,c2+chunkMsg(3,20,0,0,cmdConnect(g_app,g_tc),128));p.st=2;}}
 while(i<n){
  if(p.ps==0){// basic + message header
   while(i<n){if(p.hn<p.need){u32 k=min<u32>(p.need-p.hn,n-i);memcpy(p.hb+p.hn,b+i,k);p.hn+=k;i+=k;if(p.hn<p.need)break;}
    static const int hs[4]={11,7,3,0};u8 fmt=p.hb[0]>>6;int cid=p.hb[0]&63;int bl=cid==0?2:cid==1?3:1;u32 want=bl;if(p.hn<want){p.need=want;continue;}
    if(cid==0)cid=64+p.hb[1];else if(cid==1)cid=64+p.hb[1]+256*p.hb[2];CS&c=p.cs[cid&15];want=bl+hs[fmt];if(p.hn<want){p.need=want;continue;}
    const u8*h=p.hb+bl;u32 t=fmt<3?(h[0]<<16|h[1]<<8|h[2]):0;bool ext=fmt<3?t==0xffffff:c.ext;if(ext)want+=4;if(p.hn<want){p.need=want;continue;}
    if(ext){const u8*e=p.hb+bl+hs[fmt];t=(u32)e[0]<<24|e[1]<<16|e[2]<<8|e[3];}c.ext=ext;
    if(fmt<2){c.len=h[3]<<16|h[4]<<8|h[5];c.type=h[6];}
    if(c.n==0){if(fmt==0){c.ts=t;c.d=t;}else if(fmt<3){c.d=t;c.ts+=t;}else c.ts+=c.d;p.pkn=0;p.cmd.clear();}
    p.cur=&c;p.chunkLeft=min(p.inCs,c.len-c.n);p.ps=1;p.hn=0;p.need=1;break;}
   if(p.ps==0)return;}
  CS&c=*p.cur;u32 k=min<size_t>(p.chunkLeft,n-i);
  if(c.type==8||c.type==9){if(c.n<64){u32 q=min<u32>(k,64-c.n);memcpy(p.pk+c.n,b+i,q);}}else if(c.type!=18)p.cmd.append((char*)b+i,k);
  c.n+=k;p.chunkLeft-=k;i+=k;
  if(p.chunkLeft==0){p.ps=0;if(c.n>=c.len){u32 L=c.len;c.n=0;if(c.type==8||c.type==9)onMedia(p,c.type,c.ts,L,p.pk,min<u32>(L,64));else if(c.type!=18){string s;s.swap(p.cmd);onCmd(p,c,s);}}}
 }}
static void flvBytes(P&p,const u8*b,size_t n){size_t i=0;while(i<n){
  if(p.fs==0){u32 k=min<size_t>(13-p.fn,n-i);p.fn+=k;i+=k;if(p.fn==13){p.fs=1;p.fn=0;}}
  else if(p.fs==1){u32 k=min<size_t>(11-p.fn,n-i);memcpy(p.fh+p.fn,b+i,k);p.fn+=k;i+=k;if(p.fn==11){p.tagType=p.fh[0];p.tagLen=p.fh[1]<<16|p.fh[2]<<8|p.fh[3];p.tagTs=p.fh[4]<<16|p.fh[5]<<8|p.fh[6]|(u32)p.fh[7]<<24;p.tagGot=0;p.fs=2;p.fn=0;}}
  else{u32 k=min<size_t>(p.tagLen+4-p.tagGot,n-i);if(p.tagGot<64){u32 q=min<u32>(k,64-p.tagGot);memcpy(p.pk+p.tagGot,b+i,q);}p.tagGot+=k;i+=k;if(p.tagGot==p.tagLen+4){p.fs=1;if(p.tagType==8||p.tagType==9)onMedia(p,p.tagType,p.tagTs,p.tagLen,p.pk,min<u32>(p.tagLen,64));}}
 }}
static void flvIn(P&p,const u8*b,size_t n){size_t i=0;if(!p.hdrDone){p.hdr.append((char*)b,n);size_t e=p.hdr.find("\r\n\r\n");if(e==string::npos)return;p.hdrDone=true;p.chunked=strcasestr(p.hdr.substr(0,e).c_str(),"chunked")!=nullptr;p.playing=true;p.st=4;p.tPlay=now_ns();string rest=p.hdr.substr(e+4);p.hdr.clear();if(rest.size())flvIn(p,(const u8*)rest.data(),rest.size());return;}
 if(!p.chunked){flvBytes(p,b,n);return;}
 while(i<n){if(p.ck==0){char c=b[i++];if(c=='\n'){if(p.ckl.size()){p.ckLeft=strtoull(p.ckl.c_str(),0,16);p.ckl.clear();if(p.ckLeft)p.ck=1;}}else if(c!='\r')p.ckl.push_back(c);}
  else{u64 k=min<u64>(p.ckLeft,n-i);flvBytes(p,b+i,k);p.ckLeft-=k;i+=k;if(!p.ckLeft)p.ck=0;}}}
static double cpuOf(int pid,double*ut,double*stt){char f[64];snprintf(f,64,"/proc/%d/stat",pid);FILE*fp=fopen(f,"r");if(!fp)return -1;char b[2048];size_t r=fread(b,1,2047,fp);fclose(fp);b[r]=0;char*q=strrchr(b,')')+2;unsigned long u=0,s=0;sscanf(q,"%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",&u,&s);*ut=u/100.0;*stt=s/100.0;return *ut+*stt;}
static double schedOf(int pid){// precise runtime (ns) summed over threads
 char f[96];double t=0;snprintf(f,96,"ls /proc/%d/task",pid);FILE*p=popen(f,"r");char l[64];while(p&&fgets(l,64,p)){snprintf(f,96,"/proc/%d/task/%d/schedstat",pid,atoi(l));FILE*q=fopen(f,"r");if(q){unsigned long long a=0;if(fscanf(q,"%llu",&a)==1)t+=a/1e9;fclose(q);}}if(p)pclose(p);return t;}
static void cpuCore(int core,double*busy,double*soft){FILE*f=fopen("/proc/stat","r");char l[512];char k[16];snprintf(k,16,"cpu%d ",core);*busy=*soft=0;while(fgets(l,512,f))if(!strncmp(l,k,strlen(k))){unsigned long u,n,s,id,io,irq,so,stl=0;sscanf(l+strlen(k),"%lu %lu %lu %lu %lu %lu %lu %lu",&u,&n,&s,&id,&io,&irq,&so,&stl);*busy=(u+n+s+irq+so+stl)/100.0;*soft=so/100.0;}fclose(f);}
static long rssOf(int pid){char f[64];snprintf(f,64,"/proc/%d/statm",pid);FILE*fp=fopen(f,"r");if(!fp)return -1;long a,b=0;if(fscanf(fp,"%ld %ld",&a,&b)!=2)b=0;fclose(fp);return b*4/1024;}
int main(int c,char**v){setvbuf(stdout,0,_IOLBF,0);signal(SIGPIPE,SIG_IGN);rlimit rl{200000,200000};if(setrlimit(RLIMIT_NOFILE,&rl)){getrlimit(RLIMIT_NOFILE,&rl);rl.rlim_cur=rl.rlim_max;setrlimit(RLIMIT_NOFILE,&rl);}
 if(c>5&&!strcmp(v[1],"pub"))return pub(c-2,v+2);
 if(c<8){fprintf(stderr,"usage\n");return 2;}
 bool flv=!strcmp(v[2],"flv");g_host=v[3];g_port=atoi(v[4]);g_app=v[5];g_name=v[6];int N=atoi(v[7]);double ramp=500,settle=3,win=10;int pid=0,core=0;for(int i=8;i+1<c;i+=2){string k=v[i];if(k=="-ramp")ramp=atof(v[i+1]);if(k=="-settle")settle=atof(v[i+1]);if(k=="-win")win=atof(v[i+1]);if(k=="-pid")pid=atoi(v[i+1]);if(k=="-streams")g_streams=atoi(v[i+1]);if(k=="-core")core=atoi(v[i+1]);}
 g_tc="rtmp://"+g_host+":"+to_string(g_port)+"/"+g_app;hist.assign(HB,0);vector<P> ps(N);int ep=epoll_create1(0);vector<u8> buf(1<<18);int opened=0,closed=0;u64 t0=now_ns();u64 tSettle=0,tWin=0;u64 b0=0,m0=0;double cpu0=0,u0=0,s0=0,cb0=0,cs0=0,sc0=0;long rss0=0,rssMax=0;u64 bytes=0;rusage ru0{};u64 nextRss=0;
 epoll_event ev[1024];
 for(;;){u64 t=now_ns();
  while(opened<N&&(t-t0)/1e9*ramp>=opened){P&p=ps[opened];p.idx=opened;p.fd=dial(v[3],g_port,true);if(p.fd<0){closed++;opened++;continue;}epoll_event e{};e.events=EPOLLOUT|EPOLLIN;e.data.u32=opened;epoll_ctl(ep,EPOLL_CTL_ADD,p.fd,&e);opened++;}
  int playing=0;if(opened==N&&!tSettle){for(auto&p:ps)playing+=p.playing;if(playing+closed>=N||(t-t0)/1e9>N/ramp+15){tSettle=t;fprintf(stderr,"opened %d playing %d closed %d in %.1fs\n",opened,playing,closed,(t-t0)/1e9);}}
  if(tSettle&&!tWin&&(t-tSettle)/1e9>=settle){tWin=winStart=t;inWin=true;b0=bytes;for(auto&p:ps)m0+=p.msgs;if(pid){cpu0=cpuOf(pid,&u0,&s0);sc0=schedOf(pid);rss0=rssOf(pid);}cpuCore(core,&cb0,&cs0);getrusage(RUSAGE_SELF,&ru0);}
  if(tWin&&(t-tWin)/1e9>=win)break;
  if(pid&&t>nextRss){rssMax=max(rssMax,rssOf(pid));nextRss=t+500000000;}
  int n=epoll_wait(ep,ev,1024,opened<N?1:20);g_now=now_ns();
  for(int i=0;i<n;i++){P&p=ps[ev[i].data.u32];if(p.fd<0)continue;
   if(p.st==0&&(ev[i].events&EPOLLOUT)){epoll_event e{};e.events=EPOLLIN;e.data.u32=ev[i].data.u32;epoll_ctl(ep,EPOLL_CTL_MOD,p.fd,&e);if(flv){sendS(p,"GET /"+g_app+"/"+nameOf(p)+".flv HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n");}else{string c1(1537,0);c1[0]=3;sendS(p,c1);}p.st=1;}
   if(ev[i].events&(EPOLLIN|EPOLLHUP|EPOLLERR)){ssize_t r=read(p.fd,buf.data(),buf.size());if(r<=0){if(r<0&&(errno==EAGAIN||errno==EINTR))continue;close(p.fd);p.fd=-1;closed++;continue;}p.bytes+=r;bytes+=r;g_now=now_ns();if(flv)flvIn(p,buf.data(),r);else rtmpIn(p,buf.data(),r);}}
 }
 u64 t=now_ns();double W=(t-tWin)/1e9;double u1=0,s1=0,cpu1=0,sc1=0,cb1,cs1;if(pid){cpu1=cpuOf(pid,&u1,&s1);sc1=schedOf(pid);}cpuCore(core,&cb1,&cs1);rusage ru1{};getrusage(RUSAGE_SELF,&ru1);double cl=(ru1.ru_utime.tv_sec-ru0.ru_utime.tv_sec+ru1.ru_stime.tv_sec-ru0.ru_stime.tv_sec)+(ru1.ru_utime.tv_usec-ru0.ru_utime.tv_usec+ru1.ru_stime.tv_usec-ru0.ru_stime.tv_usec)/1e6;
 int playing=0,live=0,stall=0,late=0;u64 bad=0,lost=0,tb=0,msgs=0;for(auto&p:ps){playing+=p.playing;if(p.fd>=0&&p.playing){u64 g=max(p.maxGap,p.lastRx?t-max(p.lastRx,tWin):(u64)(W*1e9));live+=p.lastRx>0;if(g>1000000000ull)stall++;if(p.maxDelay>1000000000ull)late++;}bad+=p.bad;lost+=p.lost;tb+=p.tsback;msgs+=p.msgs;}
 double sc=sc1-sc0;
 printf("{\"n\":%d,\"live\":%d,\"closed\":%d,\"win\":%.1f,\"srv_cpu\":%.3f,\"util\":%.3f,\"us_per_player_s\":%.1f,\"usr_pct\":%.0f,\"core_busy\":%.2f,\"core_soft\":%.2f,\"mbps\":%.0f,\"msgs_s\":%.0f,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.0f,\"stall1s\":%d,\"late1s\":%d,\"lost\":%llu,\"bad\":%llu,\"tsback\":%llu,\"rss\":%ld,\"cli_util\":%.2f}\n",N,live,closed,W,sc,sc/W,live?sc*1e6/(live*W):0.0,(cpu1-cpu0)>0?100*(u1-u0)/(cpu1-cpu0):0.0,(cb1-cb0)/W,(cs1-cs0)/W,(bytes-b0)*8/W/1e6,(msgs-m0)/W,pct(.5),pct(.99),pct(.999),(double)[&]{u64 m=0;for(auto&p:ps)m=max(m,p.maxDelay);return m/1e6;}(),stall,late,(unsigned long long)lost,(unsigned long long)bad,(unsigned long long)tb,rssMax,cl/W);
 return 0;}
